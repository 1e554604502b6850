"""Every mutant of a module: one small change to its source, that a test should notice.

The kinds of change:

    comparison  < and <=, > and >=, == and !=, is and is not, in and not in
    logic       and and or; `not` taken away; a condition that is True, or False
    number      one more and one less; True and False; + and -, * and /, // and /, | and &
    entry       one entry less in a list, a set or a dict, or in a tuple of a table
    return      nothing, what is empty of the type that is promised, or the opposite
    statement   a call, a raise, an assignment to a part, a break or a continue left out
    name        any and all, min and max

Left alone, because a change would be seen by no test or by every one: text, annotations,
decorators, `strict=` of zip, what only a type checker reads, what only a process of its own runs.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COUNTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
SWAPPED = {"any": "all", "all": "any", "min": "max", "max": "min"}
EMPTY = {
    "list": "[]",
    "tuple": "()",
    "dict": "{}",
    "str": "''",
    "Sequence": "()",
    "Iterable": "()",
    "Iterator": "iter(())",
    "Mapping": "{}",
    "int": "0",
    "float": "0.0",
}


@dataclass(frozen=True)
class Mutant:
    """One change.

    Args:
        path: of the module, from the root of the repository.
        line: the first that is changed, from 1.
        statement: the lines of the statement around it, of its head where it has a body.
        scope: the function or class around it, with dots; "" at the level of the module.
        start: first byte that is replaced, from the start of the file.
        end: first byte after it.
        text: what is there instead.
        before: the first changed line, without its indentation.
        change: what is replaced and by what, on one line.
        at_import: whether it runs when the module is imported.
    """

    path: str
    line: int
    statement: range
    scope: str
    start: int
    end: int
    text: str
    before: str
    change: str
    at_import: bool

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What names it while lines move: equal changes to equal lines of a scope share it."""
        return (self.path, self.scope, self.before, self.change)

    def applied(self, source: bytes) -> bytes:
        """The module with this change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def mutants_of(path: str, source: bytes) -> list[Mutant]:
    """Every mutant of one module, in the order of its lines."""
    maker = _Maker(path, source)
    maker.visit(ast.parse(source))
    return sorted(maker.found, key=lambda each: (each.start, each.end, each.text))


class _Maker(ast.NodeVisitor):
    """Walks a module, and writes down what could be changed."""

    def __init__(self, path: str, source: bytes):
        self.found: list[Mutant] = []
        self._path = path
        self._source = source
        self._lines = source.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self._scope: list[str] = []
        self._functions: list[ast.expr | None] = []  # what each function around promises
        self._statement = range(0)

    def _add(self, node: ast.expr | ast.stmt, text: str) -> None:
        end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
        start = self._starts[node.lineno - 1] + node.col_offset
        end = self._starts[end_line - 1] + end_column
        old = " ".join(self._source[start:end].decode().split())
        self.found.append(
            Mutant(
                path=self._path,
                line=node.lineno,
                statement=self._statement,
                scope=".".join(self._scope),
                start=start,
                end=end,
                text=text,
                before=self._lines[node.lineno - 1].decode().strip(),
                change=f"{old} -> {text}",
                at_import=not self._functions,
            )
        )

    def _replace(self, node: ast.expr, changed: ast.expr) -> None:
        self._add(node, f"({ast.unparse(changed)})")

    # --- what is walked into ---------------------------------------------------------------------

    def visit(self, node: ast.AST) -> None:
        """Walk on, and know which statement it is in."""
        around = self._statement
        if isinstance(node, ast.stmt):
            body: list[ast.stmt] = getattr(node, "body", [])
            last = body[0].lineno - 1 if body else node.end_lineno or 0
            self._statement = range(node.lineno, max(last, node.lineno) + 1)
        super().visit(node)
        self._statement = around

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in (*node.args.defaults, *(each for each in node.args.kw_defaults if each)):
            self.visit(default)
        self._scope.append(node.name)
        self._functions.append(node.returns)
        for statement in node.body:
            self.visit(statement)
        self._functions.pop()
        self._scope.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(node.name)
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Python 3.11 does not say where the parts of an f-string stand."""

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        if not isinstance(node.slice, ast.Tuple):  # else a type, or the axes of an array
            self.visit(node.slice)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg != "strict":
            self.visit(node.value)

    # --- what is changed -------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        for i, operator in enumerate(node.ops):
            operators = [*node.ops[:i], COMPARED[type(operator)](), *node.ops[i + 1 :]]
            self._replace(node, ast.Compare(node.left, operators, node.comparators))
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        self._replace(node, ast.BoolOp(other, node.values))
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self._replace(node, node.operand)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        other = COUNTED.get(type(node.op))
        parts = (node.left, node.right)
        if other is not None and not any(_is_text(part) for part in parts):
            self._replace(node, ast.BinOp(node.left, other(), node.right))
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, str(not node.value))
        elif isinstance(node.value, int | float):
            self._add(node, repr(node.value + 1))
            self._add(node, f"({node.value - 1!r})")

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in SWAPPED:
            self._add(node, SWAPPED[node.id])

    def visit_Dict(self, node: ast.Dict) -> None:
        for i in range(len(node.keys)):
            keys, values = node.keys[:], node.values[:]
            del keys[i], values[i]
            self._replace(node, ast.Dict(keys, values))
        self.generic_visit(node)

    def visit_List(self, node: ast.List | ast.Set | ast.Tuple) -> None:
        if not isinstance(node, ast.Set) and not isinstance(node.ctx, ast.Load):
            return
        if not isinstance(node, ast.Tuple) or not self._functions:
            for i in range(len(node.elts)):
                rest = node.elts[:i] + node.elts[i + 1 :]
                empty_set = isinstance(node, ast.Set) and not rest
                self._add(node, "set()" if empty_set else _display(node, rest))
        self.generic_visit(node)

    visit_Set = visit_Tuple = visit_List

    def _condition(self, node: ast.expr) -> None:
        if not isinstance(node, ast.Constant):
            self._add(node, "True")
            self._add(node, "False")

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "__name__ == '__main__'"):
            return
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._condition(condition)
        self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._add(node.test, "False")
        self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None:
            promised = self._functions[-1]
            if isinstance(promised, ast.Name) and promised.id == "bool":
                if not isinstance(node.value, ast.Constant):  # else it is changed as such
                    self._add(node.value, f"not ({ast.unparse(node.value)})")
            elif ast.unparse(node.value) != (empty := _empty(promised)):
                self._add(node.value, empty)
        self.generic_visit(node)

    def _leave_out(self, node: ast.stmt) -> None:
        self._add(node, "pass")
        self.generic_visit(node)

    visit_Raise = visit_AugAssign = visit_Break = visit_Continue = visit_Delete = _leave_out

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self._leave_out(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        if isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            self._leave_out(node)
        else:
            self.generic_visit(node)


def _empty(promised: ast.expr | None) -> str:
    """What is empty of a type, None for any other."""
    if isinstance(promised, ast.Subscript):
        promised = promised.value
    return EMPTY.get(promised.id, "None") if isinstance(promised, ast.Name) else "None"


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _display(node: ast.List | ast.Set | ast.Tuple, entries: list[ast.expr]) -> str:
    """The list, set or tuple with these entries."""
    if isinstance(node, ast.Set):
        return ast.unparse(ast.Set(entries))
    kind = ast.Tuple if isinstance(node, ast.Tuple) else ast.List
    return f"({ast.unparse(kind(entries, ast.Load()))})"
