/// Functions with a symbol whose ops reach computed places, or go along an axis.

extension SymbolicFunction {
  static let places = [
    SymbolicFunction(
      name: "index: take along an axis", inputs: "%x: f32[B,3], %i: i32[B,3], %j: i32[B,B], %k: i32[2,3]",
      results: "f32[B,3], f32[B,B], f32[2,3]",
      lines: [
        "%a = take_along_axis %x, %i {axis = 0} : f32[B,3]", "%b = take_along_axis %x, %j : f32[B,B]",
        "%c = take_along_axis %x, %k {axis = 0} : f32[2,3]", "return %a, %b, %c",
      ]),
    SymbolicFunction(
      name: "index: slices from anywhere", inputs: "%x: f32[B+2,2*B+3,4], %i: i32[], %j: i64[]",
      results: "f32[B,B,2], f32[2,2*B+3,4], f32[B+2,B+1,4], f32[B+2]",
      lines: [
        "%a = dynamic_slice %x, %i, %j, %i {sizes = [B,B,2]} : f32[B,B,2]",
        "%b = dynamic_slice %x, %i, %j, %j {sizes = [2,2*B+3,4]} : f32[2,2*B+3,4]",
        "%t = reverse %x {axes = [1]} : f32[B+2,2*B+3,4]",
        "%c = dynamic_slice %t, %i, %i, %i {sizes = [B+2,B+1,4]} : f32[B+2,B+1,4]",
        "%d = sum %c {axes = [1,2]} : f32[B+2]", "return %a, %b, %c, %d",
      ]),
    SymbolicFunction(
      name: "update: slices to anywhere",
      inputs: "%x: f32[B+2,2*B+3,4], %u: f32[B,B,2], %v: f32[2,2*B+3,4], %w: f32[B+1,B+3,4], "
        + "%i: i32[], %j: i64[]",
      results: "f32[B+2,2*B+3,4], f32[B+2,2*B+3,4], f32[B+2,2*B+3,4]",
      lines: [
        "%a = dynamic_update_slice %x, %u, %i, %j, %i : f32[B+2,2*B+3,4]",
        "%b = dynamic_update_slice %a, %v, %j, %j, %i : f32[B+2,2*B+3,4]",
        "%c = dynamic_update_slice %x, %w, %j, %i, %i : f32[B+2,2*B+3,4]", "return %a, %b, %c",
      ]),
    SymbolicFunction(
      name: "update: scatter",
      inputs: "%x: f32[B,3,B], %i: i32[B], %u: f32[B,3,B], %v: f32[B,B,B], %w: f32[B,3,B]",
      results: "f32[B,3,B], f32[B,3,B], f32[B,3,B]",
      lines: [
        "%a = scatter %x, %i, %u : f32[B,3,B]", "%b = scatter_add %a, %i, %v {axis = 1} : f32[B,3,B]",
        "%c = scatter_add %b, %i, %w {axis = -1} : f32[B,3,B]", "return %a, %b, %c",
      ]),
    SymbolicFunction(
      name: "cumulative: along and beside a symbol", inputs: "%x: f32[B,3,2], %y: i32[B,B]",
      results: "f32[B,3,2], f32[B,3,2], f32[B,3,2], i32[B,B], i32[B,B]",
      lines: [
        "%a = cumsum %x {axis = 0} : f32[B,3,2]",
        "%b = cumprod %x {axis = 1, reverse = true} : f32[B,3,2]",
        "%t = reverse %x : f32[B,3,2]",
        "%c = cumsum %t {axis = 0, reverse = true, exclusive = true} : f32[B,3,2]",
        "%d = cummax %y : i32[B,B]", "%e = cummin %y {axis = 0, reverse = true} : i32[B,B]",
        "return %a, %b, %c, %d, %e",
      ]),
    SymbolicFunction(
      name: "linalg: decompositions of a symbolic size", inputs: "%x: f32[B,B], %y: f32[B,2], %z: f32[B+2,B]",
      results: "f32[B+2,B], f32[B,B], f32[B,B], f32[B,2*B], f32[B,2], f32[B,2], f32[B]",
      lines: [
        "%q, %r = qr %z : f32[B+2,B], f32[B,B]", "%c = concat %x, %x {axis = 1} : f32[B,2*B]",
        "%s, %t = qr %c : f32[B,B], f32[B,2*B]",
        "%e = eye {shape = [B,B]} : f32[B,B]", "%many = constant {value = 16} : f32[]",
        "%wide = broadcast %many {shape = [B,B]} : f32[B,B]", "%d = multiply %e, %wide : f32[B,B]",
        "%a = add %x, %d : f32[B,B]", "%m = triangular_solve %a, %y {lower = true} : f32[B,2]",
        "%n = triangular_solve %a, %m {transpose = true, lower = true} : f32[B,2]",
        "%w, %v = eigh %a : f32[B], f32[B,B]",
        "return %q, %r, %s, %t, %m, %n, %w",
      ]),
  ]
}
