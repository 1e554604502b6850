from __future__ import annotations

import os

import pytest

from sut.config.shipped import CONF_ROOT
from sut.config.yaml_tree import read_leaves
from sut.errors import ConfigError
from tests.unit.config.support import written


def leaves_of(tmp_path, text):
    return [
        (".".join(leaf.path), leaf.value, int(leaf.origin.rpartition(":")[2]))
        for leaf in read_leaves(tmp_path / written(tmp_path, text))
    ]


def test_leaves_keep_order_type_and_line(tmp_path):
    text = "a:\n  b: 1\n  c: [x, 2]\n\n# note\nd: null\ne: 2.5\nf: 'no'\n"
    assert leaves_of(tmp_path, text) == [
        ("a.b", 1, 2),
        ("a.c", ["x", 2], 3),
        ("d", None, 6),
        ("e", 2.5, 7),
        ("f", "no", 8),
    ]


def test_a_key_called_null_is_a_name(tmp_path):
    assert leaves_of(tmp_path, "engine:\n  null:\n    tokens: 3\n") == [
        ("engine.null.tokens", 3, 3)
    ]


def test_an_empty_file_has_no_leaves(tmp_path):
    assert leaves_of(tmp_path, "# nothing\n") == []


def test_shipped_files_are_named_from_the_repository():
    origin = read_leaves(CONF_ROOT / "systems" / "cpu.yaml")[0].origin
    assert origin == "user_confs/systems/cpu.yaml:1"


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("a:\n  b: 1\n  b: 2\n", 3, "a.b is given twice, first in line 2."),
        ("a: 1\nc: 3\na: 2\n", 3, "a is given twice, first in line 1."),
        ("a: 1\n b: 2\n", 2, "not valid YAML: mapping values are not allowed here."),
        ("a: [1, 2\n", 2, "not valid YAML"),
        ("- 1\n- 2\n", 1, "the file must hold keys and values."),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML: but found another document."),
        (f"a: 1\nb: {'9' * 5000}\n", 2, "the value cannot be read"),
        ("a: !!int x\n", 1, "the value cannot be read"),
        ("a: &x\n  b: *x\n", 1, "a value holds itself"),
        ("a: 1\n[1, 2]: 3\n", 2, "a key must be a plain word."),
        ("a: !!python/object:os.system 1\n", 1, "could not determine a constructor"),
    ],
)
def test_a_malformed_file_is_one_sentence_with_its_line(text, line, complaint, tmp_path):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as refused:
        read_leaves(tmp_path / path)
    assert refused.value.where == f"{path}:{line}"
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="is not UTF-8 text: it has the byte 0xff"):
        read_leaves(path)
    path.write_bytes(b"a: \x07\n")
    with pytest.raises(ConfigError, match="not valid YAML"):
        read_leaves(path)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        *(
            (word, word)
            for word in ("no", "Yes", "on", "off", "n", "010", "12:30", "0x10", "1_000")
        ),
        *((word, word) for word in ("2026-02-03", "=", "1.2.3", "24.04.1", "5e")),
        *(
            ("0", 0),
            ("-7", -7),
            ("+7", 7),
            ("2.50", 2.5),
            ("1e9", 1e9),
            (".5", 0.5),
            ("6.e-3", 0.006),
        ),
        *(("true", True), ("False", False), ("null", None), ("~", None), ("", None)),
    ],
)
def test_a_word_means_what_a_person_reads(tmp_path, word, value):
    (found,) = leaves_of(tmp_path, f"a: {word}\n")
    assert found[1] == value
    assert type(found[1]) is type(value)


@pytest.mark.parametrize(
    ("word", "text"),
    [
        *((word, word) for word in ("0.10", "no", "12:30", "010", "5800.0000", "1e3", "true", "=")),
        *(("'no'", "no"), ('""', ""), ("null", ""), ("~", ""), ("", ""), ("'null'", "null")),
    ],
)
def test_a_value_as_text_is_as_written(tmp_path, word, text):
    path = tmp_path / written(tmp_path, f"a: {word}\n")
    assert read_leaves(path, as_text=True)[0].value == text


def test_a_list_is_no_text(tmp_path):
    path = tmp_path / written(tmp_path, "a: 1\nb: [x]\n")
    with pytest.raises(ConfigError, match="the value is a list, must be text") as refused:
        read_leaves(path, as_text=True)
    assert refused.value.where == f"{path}:2"


def test_a_byte_order_mark_is_read_over(tmp_path):
    path = tmp_path / "marked.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert [(leaf.path, leaf.value) for leaf in read_leaves(path)] == [(("a",), 1), (("b",), 2)]


LINES = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    + [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: " + "[" * 100_000, "it is nested too deeply"),
        ("a: " + "[" * 50 + "]" * 50, "it is nested too deeply"),
        ("a: " + "{b: " * 10_000, "it is nested too deeply"),
        (LINES, "it holds more than 10,000 values"),
        ("\n".join(f"k{number}: 1" for number in range(6000)), "it holds more than 10,000 values"),
        ("a: &a [*a]", "a value holds itself"),
    ],
)
def test_no_more_is_made_of_a_file_than_it_holds(tmp_path, text, complaint):
    path = tmp_path / written(tmp_path, text)
    with pytest.raises(ConfigError, match=f"not valid YAML: {complaint}"):
        read_leaves(path)


def test_an_alias_is_the_value_that_it_names(tmp_path):
    assert leaves_of(tmp_path, "a: &a [1, 2]\nb: *a\n")[1][1] == [1, 2]


def test_a_pipe_is_refused_unread(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(ConfigError, match="it is a pipe or a device, not a file") as refused:
        read_leaves(path)
    assert refused.value.remedy == "Save it first."
