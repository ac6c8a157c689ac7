/// The functions with a symbol that `SymbolTests` runs, a few of every family.

extension SymbolicFunction {
  static let samples: [SymbolicFunction] =
    maps + reductions + views + places + others + bodies

  private static let maps = [
    SymbolicFunction(
      name: "map: a chain", inputs: "%x: f32[B,3], %y: f32[3]", results: "f32[B,3]",
      lines: [
        "%wide = broadcast %y {shape = [B,3]} : f32[B,3]", "%a = multiply %x, %wide : f32[B,3]",
        "%b = exp %a : f32[B,3]", "%c = subtract %b, %x : f32[B,3]", "return %c",
      ]),
    SymbolicFunction(
      name: "map: two results over a transposed operand", inputs: "%x: f32[B,4], %y: f32[4,B]",
      results: "f32[B,4], bool[B,4]",
      lines: [
        "%t = transpose %y {order = [1,0]} : f32[B,4]", "%a = maximum %x, %t : f32[B,4]",
        "%b = less %x, %t : bool[B,4]", "return %a, %b",
      ]),
    SymbolicFunction(
      name: "map: two symbols' product", inputs: "%x: i32[B,B]", results: "i32[B*B]",
      lines: [
        "%t = transpose %x {order = [1,0]} : i32[B,B]", "%a = multiply %x, %t : i32[B,B]",
        "%r = reshape %a {shape = [B*B]} : i32[B*B]", "return %r",
      ]),
  ]

  private static let reductions = [
    SymbolicFunction(
      name: "reduce: a kept symbol", inputs: "%x: f32[B,5]", results: "f32[B], f32[B]",
      lines: ["%a = sum %x {axes = [1]} : f32[B]", "%b = max %x {axes = [1]} : f32[B]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: a kept symbol behind", inputs: "%x: f32[11,B]", results: "f32[B], f32[B]",
      lines: ["%a = sum %x {axes = [0]} : f32[B]", "%b = prod %x {axes = [0]} : f32[B]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: a kept symbol between", inputs: "%x: f32[5,B,4]", results: "f32[B]",
      lines: ["%a = sum %x {axes = [0,2]} : f32[B]", "return %a"]),
    SymbolicFunction(
      name: "reduce: a reduced symbol in front", inputs: "%x: f32[B,5]", results: "f32[5], f32[5]",
      lines: ["%a = sum %x {axes = [0]} : f32[5]", "%b = min %x {axes = [0]} : f32[5]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: a reduced symbol behind", inputs: "%x: f32[4,B]", results: "f32[4], f32[4]",
      lines: ["%a = sum %x {axes = [1]} : f32[4]", "%b = mean %x {axes = [1]} : f32[4]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: everything", inputs: "%x: f32[B,3,B]", results: "f32[]",
      lines: ["%s = multiply %x, %x : f32[B,3,B]", "%a = sum %s : f32[]", "return %a"]),
    SymbolicFunction(
      name: "reduce: symbols on both sides of a kept axis", inputs: "%x: f32[B,3,B]",
      results: "f32[3], f32[3]",
      lines: ["%a = sum %x {axes = [0,2]} : f32[3]", "%b = prod %x {axes = [0,2]} : f32[3]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: through a transpose", inputs: "%x: f32[B,6,2]", results: "f32[6], f32[2,B]",
      lines: [
        "%t = transpose %x {order = [2,1,0]} : f32[2,6,B]", "%a = sum %t {axes = [0,2]} : f32[6]",
        "%b = sum %t {axes = [1]} : f32[2,B]", "return %a, %b",
      ]),
    SymbolicFunction(
      name: "reduce: a transposed symbol of 1", inputs: "%x: f32[B,13], %y: f32[B,5,4]",
      results: "f32[], f32[]",
      lines: [
        "%t = transpose %x {order = [1,0]} : f32[13,B]", "%a = sum %t : f32[]",
        "%u = transpose %y {order = [1,0,2]} : f32[5,B,4]", "%b = sum %u : f32[]", "return %a, %b",
      ]),
    SymbolicFunction(
      name: "reduce: places", inputs: "%x: f32[B,3]", results: "i32[B], i32[3]",
      lines: ["%a = argmax %x : i32[B]", "%b = argmin %x {axis = 0} : i32[3]", "return %a, %b"]),
    SymbolicFunction(
      name: "reduce: a broadcast symbol", inputs: "%x: f32[3], %y: f32[B]", results: "f32[3]",
      lines: [
        "%column = reshape %x {shape = [3,1]} : f32[3,1]",
        "%wide = broadcast %column {shape = [3,B]} : f32[3,B]",
        "%tall = broadcast %y {shape = [3,B]} : f32[3,B]", "%p = multiply %wide, %tall : f32[3,B]",
        "%a = sum %p {axes = [1]} : f32[3]", "return %a",
      ]),
    SymbolicFunction(
      name: "contract: rows", inputs: "%x: f32[B,4], %y: f32[4,5]", results: "f32[B,5]",
      lines: ["%a = matmul %x, %y : f32[B,5]", "return %a"]),
    SymbolicFunction(
      name: "contract: the summed axis", inputs: "%x: f32[3,B], %y: f32[B,2]", results: "f32[3,2], f32[3,3]",
      lines: [
        "%a = matmul %x, %y : f32[3,2]", "%b = matmul %x, %x {transpose_rhs = true} : f32[3,3]",
        "return %a, %b",
      ]),
    SymbolicFunction(
      name: "contract: a batch", inputs: "%x: f32[B,2,3], %y: f32[B,3,2]", results: "f32[B,2,2], f32[B,3,2]",
      lines: [
        "%a = matmul %x, %y : f32[B,2,2]", "%b = matmul %y, %a : f32[B,3,2]", "return %a, %b",
      ]),
    SymbolicFunction(
      name: "expand: softmax over and beside a symbol", inputs: "%x: f32[B,3]",
      results: "f32[B,3], f32[B,3], f32[B,3]",
      lines: [
        "%a = softmax %x : f32[B,3]", "%b = softmax %x {axis = 0} : f32[B,3]",
        "%c = log_softmax %x {axis = 0} : f32[B,3]", "return %a, %b, %c",
      ]),
    SymbolicFunction(
      name: "expand: mean of everything", inputs: "%x: f32[B,2]", results: "f32[], f32[2]",
      lines: ["%a = mean %x : f32[]", "%b = mean %x {axes = [0]} : f32[2]", "return %a, %b"]),
  ]

  private static let views = [
    SymbolicFunction(
      name: "view: reshape and transpose", inputs: "%x: f32[B,6]", results: "f32[6*B], f32[3,2,B]",
      lines: [
        "%r = reshape %x {shape = [B,3,2]} : f32[B,3,2]", "%t = transpose %r {order = [1,2,0]} : f32[3,2,B]",
        "%f = reshape %t {shape = [6*B]} : f32[6*B]", "return %f, %t",
      ]),
    SymbolicFunction(
      name: "view: slice and reverse", inputs: "%x: f32[B+2,3]", results: "f32[B,3], f32[B+2,2]",
      lines: [
        "%s = slice %x {start = [1,0], limit = [B+1,3]} : f32[B,3]",
        "%r = reverse %s {axes = [0]} : f32[B,3]",
        "%d = subtract %s, %r : f32[B,3]",
        "%e = slice %x {start = [0,0], limit = [B+2,3], strides = [1,2]} : f32[B+2,2]",
        "return %d, %e",
      ]),
    SymbolicFunction(
      name: "view: concat and pad", inputs: "%x: i32[B,2], %y: i32[3,2], %v: i32[]",
      results: "i32[2*B+3,2], i32[2*B,4]",
      lines: [
        "%c = concat %x, %y, %x : i32[2*B+3,2]", "%p = pad %x, %v {low = [B,1], high = [0,1]} : i32[2*B,4]",
        "return %c, %p",
      ]),
    SymbolicFunction(
      name: "view: broadcast of a symbol", inputs: "%x: f32[B]", results: "f32[2,B], f32[B,B]",
      lines: [
        "%a = broadcast %x {shape = [2,B]} : f32[2,B]", "%column = reshape %x {shape = [B,1]} : f32[B,1]",
        "%wide = broadcast %column {shape = [B,B]} : f32[B,B]",
        "%tall = broadcast %x {shape = [B,B]} : f32[B,B]",
        "%b = multiply %wide, %tall : f32[B,B]", "return %a, %b",
      ]),
  ]

  private static let others = [
    SymbolicFunction(
      name: "index: gather", inputs: "%x: f32[B,2], %i: i32[B], %j: i32[4]", results: "f32[B,2], f32[4,2]",
      lines: ["%a = gather %x, %i : f32[B,2]", "%b = gather %x, %j : f32[4,2]", "return %a, %b"]),
    SymbolicFunction(
      name: "generate: positions and sizes", inputs: "%x: f32[B,2]", results: "f32[B,2], i64[], f32[]",
      lines: [
        "%i = iota {shape = [B,2], axis = 0, dtype = f32} : f32[B,2]", "%a = add %x, %i : f32[B,2]",
        "%n = size {length = 2*B} : i64[]", "%m = size {length = B*B, dtype = f32} : f32[]",
        "return %a, %n, %m",
      ]),
    SymbolicFunction(
      name: "generate: random numbers", inputs: "%seed: i64[], %x: f32[B]",
      results: "i32[B,3], f32[B], f32[B], i32[B]",
      lines: [
        "%a = random_bits %seed, %seed {shape = [B,3]} : i32[B,3]",
        "%b = uniform %seed, %seed {shape = [B]} : f32[B]",
        "%c = normal %seed, %seed {shape = [B]} : f32[B]",
        "%d = permutation %seed, %seed {length = B} : i32[B]",
        "return %a, %b, %c, %d",
      ]),
    SymbolicFunction(
      name: "order: argsort", inputs: "%x: f32[B,3]", results: "i32[B,3], i32[B,3]",
      lines: [
        "%a = argsort %x {axis = 0} : i32[B,3]", "%b = argsort %x {descending = true} : i32[B,3]",
        "return %a, %b",
      ]),
    SymbolicFunction(
      name: "linalg: a batch of matrices", inputs: "%x: f32[B,2,2]", results: "f32[B,2,2], f32[B]",
      lines: [
        "%e = eye {shape = [2,2]} : f32[2,2]", "%four = constant {value = 4} : f32[]",
        "%fours = broadcast %four {shape = [2,2]} : f32[2,2]", "%d = multiply %e, %fours : f32[2,2]",
        "%wide = broadcast %d {shape = [B,2,2]} : f32[B,2,2]", "%a = add %x, %wide : f32[B,2,2]",
        "%i = inverse %a : f32[B,2,2]", "%l = log_abs_det %a : f32[B]", "return %i, %l",
      ]),
    SymbolicFunction(
      name: "linalg: matrices of a symbolic size", inputs: "%x: f32[B,B], %y: f32[B,2]",
      results: "f32[B,B], f32[], f32[B,2], f32[B,B]",
      lines: [
        "%e = eye {shape = [B,B]} : f32[B,B]", "%many = constant {value = 16} : f32[]",
        "%wide = broadcast %many {shape = [B,B]} : f32[B,B]", "%d = multiply %e, %wide : f32[B,B]",
        "%a = add %x, %d : f32[B,B]", "%i = inverse %a : f32[B,B]", "%l = log_abs_det %a : f32[]",
        "%s = solve %a, %y : f32[B,2]", "%p = matmul %a, %a {transpose_rhs = true} : f32[B,B]",
        "%c = cholesky %p : f32[B,B]", "return %i, %l, %s, %c",
      ]),
  ]

  private static let bodies = [
    SymbolicFunction(
      name: "body: a scan as long as the symbol", inputs: "%s: f32[3], %xs: f32[B,3]",
      results: "f32[3], f32[B,3]",
      lines: [
        "%a, %b = scan @leak, %s, %xs {carries = 1, sequences = 1} : f32[3], f32[B,3]", "return %a, %b",
      ],
      bodies: """
        body @leak(%sum: f32[3], %x: f32[3]) -> f32[3], f32[3] {
          %half = constant {value = 0.5} : f32[]
          %halves = broadcast %half {shape = [3]} : f32[3]
          %less = multiply %sum, %halves : f32[3]
          %next = add %less, %x : f32[3]
          return %next, %next
        }

        """),
    SymbolicFunction(
      name: "body: symbols inside, backwards", inputs: "%s: i32[B], %xs: i32[4,B]",
      results: "i32[B], i32[4,B]",
      lines: [
        "%t = reverse %s : i32[B]",
        "%a, %b = scan @turn, %t, %xs {carries = 1, sequences = 1, reverse = true} : i32[B], i32[4,B]",
        "return %a, %b",
      ],
      bodies: """
        body @turn(%s: i32[B], %x: i32[B]) -> i32[B], i32[B] where B {
          %sum = subtract %x, %s : i32[B]
          %back = reverse %sum : i32[B]
          return %back, %s
        }

        """),
  ]
}
