import SluiceIR

/// Sorting: least-significant-digit radix sort of keys whose unsigned order is the order wanted. It is stable,
/// needs no comparisons, and takes the same steps for the same keys everywhere.
extension SingleLowering {
  mutating func argsort() throws(Diagnostics) {
    let x = operand(0)
    let out = result(.readWrite)
    let shape = shape(0)
    let axis = axis
    let isDescending = tables.attributes.bool(record, .descending)
    let count = shape[axis]
    let keyType: DType = x.dtype.byteCount == 8 ? .i64 : .i32
    let turns = Swift.max(x.dtype.byteCount / 2, 1)
    let keys = [writer.scratch("keys", keyType, count), writer.scratch("other_keys", keyType, count)]
    let places = [writer.scratch("places", .i32, count), writer.scratch("other_places", .i32, count)]
    let counts = writer.scratch("counts", .i64, tables.dims.integer(256))
    let last = Affine(try tables.sum(count, tables.dims.integer(-1)))
    let outer = shape.indices.filter { $0 != axis }

    try nest(outer.map { shape[$0] }, .sequential) {
      (self: inout SingleLowering, index: [Register]) throws(Diagnostics) in
      func place(_ along: Register) -> [Register] {
        var place = [Register](repeating: along, count: shape.count)
        for (position, axis) in outer.enumerated() { place[axis] = index[position] }
        return place
      }
      var i = self.writer.builder.beginLoop(to: Affine(count), .vector)
      let key = self.writer.builder.inline(
        Self.sortKey(x.dtype, keyType, isDescending: isDescending), [self.load(x, place(i))])
      self.writer.builder.store(keys[0], self.at(i), key)
      self.writer.builder.store(
        places[0], self.at(i), self.writer.builder.scalar(.cast, .i32, source: .i64, [i]))
      // Every pass but the first reads what the one before has scattered: nothing is left undefined.
      self.writer.builder.store(keys[1], self.at(i), self.writer.builder.constant(0, keyType))
      self.writer.builder.store(places[1], self.at(i), self.writer.builder.constant(0, .i32))
      self.writer.builder.endLoop()
      // Two passes a turn: there and back.
      let turn = self.writer.builder.beginLoop(to: Affine(self.tables.dims.integer(turns)), .sequential)
      for half in [0, 1] {
        let step = Affine.Term(self.tables.dims.integer(16), turn)
        let shift = self.writer.builder.index(Affine(self.tables.dims.integer(8 * half), [step]))
        self.pass(
          shift, keyType, count, last, (keys[half], places[half]), (keys[1 - half], places[1 - half]), counts)
      }
      self.writer.builder.endLoop()
      i = self.writer.builder.beginLoop(to: Affine(count), .vector)
      self.store(out, place(i), self.writer.builder.load(places[0], self.at(i)))
      self.writer.builder.endLoop()
    }
  }

  private func at(_ index: Register) -> Affine { Affine(writer.zero, [Affine.Term(writer.one, index)]) }

  /// One pass over the digit at `shift`: counts the digits, sums the counts, moves every key behind those with smaller digits.
  private mutating func pass(
    _ shift: Register, _ keyType: DType, _ count: DimID, _ last: Affine,
    _ from: (keys: Memory, places: Memory),
    _ to: (keys: Memory, places: Memory), _ counts: Memory
  ) {
    let digits = Affine(tables.dims.integer(256))
    var i = writer.builder.beginLoop(to: digits, .vector)
    writer.builder.store(counts, at(i), writer.builder.constant(0, .i64))
    writer.builder.endLoop()

    let one = 1 as UInt64
    i = writer.builder.beginLoop(to: Affine(count), .sequential)
    var digit = self.digit(shift, writer.builder.load(from.keys, at(i)), keyType)
    let seen = writer.builder.load(counts, at(digit))
    writer.builder.store(
      counts, at(digit), writer.builder.scalar(.add, .i64, [seen, writer.builder.constant(one, .i64)]))
    writer.builder.endLoop()

    let sum = writer.builder.variable(writer.builder.constant(0, .i64))
    i = writer.builder.beginLoop(to: digits, .sequential)
    let here = writer.builder.load(counts, at(i))
    writer.builder.store(counts, at(i), sum)
    writer.builder.assign(sum, writer.builder.scalar(.add, .i64, [sum, here]))
    writer.builder.endLoop()

    i = writer.builder.beginLoop(to: Affine(count), .sequential)
    let key = writer.builder.load(from.keys, at(i))
    digit = self.digit(shift, key, keyType)
    let next = writer.builder.load(counts, at(digit))
    writer.builder.store(
      counts, at(digit), writer.builder.scalar(.add, .i64, [next, writer.builder.constant(one, .i64)]))
    let target = clamp(next, writer.builder.index(last))
    writer.builder.store(to.keys, at(target), key)
    writer.builder.store(to.places, at(target), writer.builder.load(from.places, at(i)))
    writer.builder.endLoop()
  }

  private mutating func digit(_ shift: Register, _ key: Register, _ keyType: DType) -> Register {
    let amount = keyType == .i64 ? shift : writer.builder.scalar(.cast, keyType, source: .i64, [shift])
    let shifted = writer.builder.scalar(.shiftRightLogical, keyType, [key, amount])
    let low = writer.builder.scalar(.and, keyType, [shifted, writer.builder.constant(255, keyType)])
    let wide = keyType == .i64 ? low : writer.builder.scalar(.cast, .i64, source: keyType, [low])
    return clamp(wide, writer.builder.constant(255, .i64))
  }

  /// `minimum(maximum(x, 0), last)`: an index that is in range whatever the memory holds.
  mutating func clamp(_ index: Register, _ last: Register) -> Register {
    let low = writer.builder.scalar(.maximum, .i64, [index, writer.builder.constant(0, .i64)])
    return writer.builder.scalar(.minimum, .i64, [low, last])
  }

  /// The key of an element: floats in total order with NaN last, the sign bit of integers flipped.
  private static func sortKey(_ dtype: DType, _ keyType: DType, isDescending: Bool) -> ScalarProgram {
    var (b, x) = ScalarBuilder.make([dtype])
    var key: Scalar
    switch dtype {
    case .f32, .f64:
      let canonical = b.unary(.canonical, x[0])
      let bits = b.bitcast(canonical, keyType)
      let zero = b.integer(0, keyType)
      let sign = b.integer(keyType == .i64 ? .min : Int64(Int32.min), keyType)
      let isNegative = b.compare(.less, bits, zero)
      key = b.select(isNegative, b.unary(.not, bits), b.binary(.xor, bits, sign))
    case .i32, .i64:
      key = b.binary(.xor, x[0], b.integer(keyType == .i64 ? .min : Int64(Int32.min), keyType))
    case .f16, .bf16: preconditionFailure("\(dtype.name) is not sorted")
    case .u8, .bool:
      key = b.cast(x[0], keyType)
    }
    if isDescending { key = b.unary(.not, key) }
    if isDescending, dtype.byteCount == 1 { key = b.binary(.and, key, b.integer(255, keyType)) }
    return b.finish(key)
  }
}
