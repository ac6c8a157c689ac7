"""The text of the language: parser, literals and dtypes of `evaluate.py`, from IR/README.md.

Arrays of f16 and bf16 are uint16 arrays of their bits; a type is (dtype, dims), and a dim a list of tokens.
"""

import ast, math, re
from fractions import Fraction

import numpy as np

TOKEN = re.compile(r'//[^\n]*|"(?:\\.|[^"\\])*"|[%@]?[A-Za-z_0-9][\w.]*(?:(?<=[0-9.]e)[+-]\d+)?|->|<=|\n|[^\s]')
DTYPES = dict(f32=np.float32, f64=np.float64, i32=np.int32, i64=np.int64, u8=np.uint8, bool=np.bool_, f16=np.uint16, bf16=np.uint16)
MODULE_NAMES = {"read": ["name"], "call": ["body"], "custom_vjp": ["body", "backward"], "scan": ["body"], "cond": ["then", "otherwise"], "while": ["condition", "body"]}


class Missing(Exception):
    """An op or dtype that this evaluator does not know."""


class Graph:
    def __init__(self, name):
        self.name, self.inputs, self.nodes, self.results, self.writes = name, [], [], [], []


class Reader:
    """The parser of IR/README.md's grammar; types are kept as (dtype, dims), dims as lists of tokens."""

    def __init__(self, text):
        self.tokens = [t for t in TOKEN.findall(text) if not t.startswith("//")]
        self.at, self.graphs, self.variables = 0, {}, {}

    def peek(self, skip=True):
        while skip and self.at < len(self.tokens) and self.tokens[self.at] == "\n":
            self.at += 1
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def next(self):
        token = self.peek()
        self.at += 1
        return token

    def take(self, token):
        if self.peek() == token:
            self.at += 1
            return True
        return False

    def want(self, token):
        if not self.take(token):
            raise SyntaxError(f"expected {token}, found {self.tokens[self.at - 3:self.at + 3]}")

    def until(self, ends):
        """The tokens up to a `,` or closing bracket on this level."""
        depth, found = 0, []
        while True:
            token = self.peek()
            if not token or (depth == 0 and token in ends):
                return found
            depth += (token in "([") - (token in ")]")
            found.append(self.next())

    def type(self):
        dtype = self.next()
        self.want("[")
        dims = []
        while not self.take("]"):
            dims.append(self.until(",]"))
            self.take(",")
        return dtype, dims

    def module(self):
        while self.peek():
            word = self.next()
            if word == "module":
                self.next()
            elif word in ("param", "state"):
                self.variable()
            elif word in ("func", "body"):
                self.graph()
            else:
                raise SyntaxError(word)
        return self

    def variable(self):
        name = self.next()
        self.want(":")
        dtype, dims = self.type()
        kind, arguments = "zeros", []
        if self.take("init"):
            kind = self.next()
            if self.take("("):
                arguments = self.until(")")
                self.next()
            elif kind == "data":
                arguments = self.value()
        shape, position = [int(d[0]) for d in dims], len(self.variables)
        flat = [1 if kind == "ones" else 0] * math.prod(shape)
        if kind == "constant":
            flat = ["".join(arguments)] * math.prod(shape)
        if kind == "eye":
            flat = np.eye(shape[0], dtype=int).reshape(-1).tolist()
        if kind == "data":
            flat = arguments
        array = elements(flat, dtype).reshape(shape)
        if kind in ("normal", "uniform"):  # drawn later
            array = (kind, "".join(arguments).split(","), dtype, shape, position)
        self.variables[name] = array

    def graph(self):
        graph = Graph(self.next())
        self.want("(")
        while not self.take(")"):
            name = self.next()
            self.want(":")
            graph.inputs.append((name, self.type()))
            self.take(",")
        while (token := self.next()) != "{":
            if not token:
                raise SyntaxError("no `{`")
        while True:
            word = self.next()
            if word == "return":
                self.results(graph)
                return
            names = [word]
            while self.take(","):
                names.append(self.next())
            self.want("=")
            op, operands, attributes = self.next(), [], {}
            while self.peek() not in (":", "{"):
                operands.append(self.next())
                self.take(",")
            if self.take("{"):
                while not self.take("}"):
                    key = self.next()
                    self.want("=")
                    attributes[key] = self.value()
                    self.take(",")
            self.want(":")
            types = [self.type()]
            while self.take(","):
                types.append(self.type())
            for key in MODULE_NAMES.get(op, []):
                attributes[key] = operands.pop(0)
            graph.nodes.append((names, op, operands, attributes, types))

    def results(self, graph):
        while not self.take("}"):
            name = self.next()
            if self.take("="):
                graph.writes.append((name, self.next()))
            else:
                graph.results.append(name)
            self.take(",")
        self.graphs[graph.name] = graph

    def value(self):
        if self.take("["):
            items = []
            while not self.take("]"):
                items.append(self.value())
                self.take(",")
            return items
        return "".join(self.until(",}]")) if self.peek()[0] != '"' else ast.literal_eval(self.next())


# The digits of the significand and the exponents of the least subnormal and the first number too large.
FLOATS = dict(f16=(11, -24, 16), bf16=(8, -133, 128), f32=(24, -149, 128), f64=(53, -1074, 1024))


def nearest(value, dtype):
    """An exact number rounded once to a float dtype, ties to even; NaN and infinities stay."""
    if value != value or value in (math.inf, -math.inf):
        return float(value)
    digits, least, most = FLOATS[dtype]
    exact = Fraction(value)
    if exact == 0:
        return math.copysign(0.0, value)
    exponent = abs(exact.numerator).bit_length() - exact.denominator.bit_length()
    exponent -= abs(exact) < Fraction(2) ** exponent
    step = Fraction(2) ** max(exponent - digits + 1, least)
    rounded = round(exact / step) * step  # Python rounds halves to even
    if abs(rounded) >= Fraction(2) ** most:
        return math.copysign(math.inf, exact)
    return float(rounded) if rounded else math.copysign(0.0, exact)


def narrow(values, dtype):
    """The bits of numbers as f16 or bf16; NaN is the canonical one."""
    flat = [nearest(v, dtype) for v in np.asarray(values).reshape(-1).tolist()]
    if dtype == "f16":
        bits = np.array(flat, np.float16).view(np.uint16)
        bits[np.isnan(flat)] = 0x7E00
    else:
        bits = (np.array(flat, np.float32).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
        bits[np.isnan(flat)] = 0x7FC0
    return bits.reshape(np.shape(values))


def widen(bits, dtype):
    """f16 or bf16 as the f32 of the same value; other arrays stay."""
    if dtype == "f16":
        return bits.view(np.float16).astype(np.float32)
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32) if dtype == "bf16" else bits


def number(text):
    """An exact number: an integer, a fraction, or -0.0, infinity and NaN as floats."""
    text = str(text)
    if text.lstrip("-") in ("inf", "nan"):
        return float(text)
    exact = Fraction(text)
    return -0.0 if exact == 0 and text.startswith("-") else int(exact) if exact.denominator == 1 else exact


def flatten(items):
    return [x for item in items for x in flatten(item)] if isinstance(items, list) else [items]


def element(text, dtype):
    """One element; the bits of a float where they are written in hexadecimal."""
    if str(text).startswith("0x"):
        width = dict(f16=2, bf16=2, f32=4, f64=8)[dtype]
        return int(text, 16).to_bytes(width, "little")
    if dtype == "bool":
        return bytes([text == "true"])
    if dtype in ("f16", "bf16"):
        return narrow(number(text), dtype).tobytes()
    value = number(text)
    return np.array(nearest(value, dtype) if dtype in FLOATS else value, DTYPES[dtype]).tobytes()


def elements(items, dtype):
    return np.frombuffer(b"".join(element(x, dtype) for x in flatten(items)), DTYPES[dtype])
