"""The fields of a RayJob that scripts/kubernetes uses, as KubeRay's API reference has them.

Written after docs/reference/api.md of KubeRay 1.7, for no package ships KubeRay's own definition,
which is more than a megabyte, most of it pods. A field that is not listed here is an error. Of pods
only the outer form is held: test_kubernetes.py gives them to Kubernetes' own schemas.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
SWITCH: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
# Words of `ray start`: a number among them has to be quoted.
WORDS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def one_of(*names: str) -> Schema:
    """A text of these."""
    return {"type": "string", "enum": list(names)}


def with_fields(fields: dict[str, Schema], *, may_lack: tuple[str, ...] = ()) -> Schema:
    """An object of these fields and no other."""
    required = [name for name in fields if name not in may_lack]
    return {
        "type": "object",
        "properties": fields,
        "required": required,
        "additionalProperties": False,
    }


POD_TEMPLATE = with_fields({"metadata": {"type": "object"}, "spec": {"type": "object"}})
HEAD_GROUP = with_fields({"rayStartParams": WORDS, "template": POD_TEMPLATE})
WORKER_GROUP = with_fields(
    {
        "groupName": TEXT,
        "replicas": COUNT,
        "minReplicas": COUNT,
        "maxReplicas": COUNT,
        "rayStartParams": WORDS,
        "template": POD_TEMPLATE,
    }
)
CLUSTER = with_fields(
    {
        "rayVersion": TEXT,
        "authOptions": with_fields({"mode": one_of("disabled", "token")}),
        "enableInTreeAutoscaling": SWITCH,
        "headGroupSpec": HEAD_GROUP,
        "workerGroupSpecs": {"type": "array", "items": WORKER_GROUP, "minItems": 1},
    }
)
SPEC = with_fields(
    {
        "entrypoint": TEXT,
        "backoffLimit": COUNT,
        "submissionMode": one_of("K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"),
        "submitterConfig": with_fields({"backoffLimit": COUNT}),
        "activeDeadlineSeconds": COUNT | {"minimum": 1},
        "shutdownAfterJobFinishes": SWITCH,
        "ttlSecondsAfterFinished": COUNT,
        "submitterPodTemplate": POD_TEMPLATE,
        "rayClusterSpec": CLUSTER,
    }
)
RAYJOB = with_fields(
    {
        "apiVersion": one_of("ray.io/v1"),
        "kind": one_of("RayJob"),
        "metadata": {"type": "object"},
        "spec": SPEC,
    }
)
