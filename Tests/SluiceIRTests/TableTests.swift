/// Interning: the same content has the same handle, and comes back as it was.

import Testing

@testable import SluiceIR

struct TableTests {
  @Test func indexGrowsAndFindsEverything() {
    var index = HashIndex()
    // Hashes that collide in groups of 50, on purpose.
    let hashes = (0..<5000).map { UInt64($0 / 50) }
    for row in hashes.indices {
      #expect(index.find(hashes[row], where: { $0 == row }) == nil)
      index.insert(row, hash: hashes[row])
    }
    #expect(index.count == 5000)
    #expect(index.slots.count >= 10_000, "never more than half full")
    let isFound = hashes.indices.allSatisfy { row in index.find(hashes[row], where: { $0 == row }) == row }
    #expect(isFound)
    #expect(index.find(7, where: { _ in false }) == nil)
  }

  @Test func capacityIsKept() {
    #expect(HashIndex(minimumCapacity: 1000).slots.count == 2048)
  }

  @Test func numbersThatLeaveGapsAreNotTaken() {
    var index = NumberIndex()
    #expect(index.find(0) == nil && index.find(-1) == nil && index.find(.max) == nil)
    for key in 0..<1000 {
      let isTaken = index.insert(key, 2 * key)
      #expect(isTaken)
    }
    let isFound = (0..<1000).allSatisfy { index.find($0) == 2 * $0 }
    #expect(isFound && index.find(1000) == nil)
    for key in [1 << 40, -1, .min, .max] {
      let isTaken = index.insert(key, 7)
      #expect(!isTaken && index.find(key) == nil)
    }
  }

  @Test func integersHaveOneHandleInAnyOrder() {
    var dims = DimTable()
    // Far ones first: they are in the other index when their neighbours come to be counted.
    let values: [Int64] = [5000, -3, .max, 1 << 33] + Array(0..<6000)
    let handles = values.map { dims.integer($0) }
    #expect(Set(handles).count == values.count - 1)
    #expect(handles[0] == handles[4 + 5000])
    let areKept = zip(values, handles).allSatisfy { dims.integer($0) == $1 && dims.value($1) == $0 }
    #expect(areKept)
  }

  @Test func hashesDependOnOrder() {
    func hash(_ words: [UInt64]) -> UInt64 {
      var hasher = WordHasher()
      for word in words { hasher.combine(word) }
      return hasher.hash
    }
    #expect(hash([1, 2]) != hash([2, 1]))
    #expect(hash([0]) != hash([0, 0]))
    #expect(Set((0..<10_000).map { hash([$0]) }).count == 10_000)
  }

  @Test func strings() {
    var strings = StringTable()
    let texts = ["", "a", "b", "ab", "ä", "日本", "a"] + (0..<300).map { "name\($0)" }
    let ids = texts.map { strings.intern($0) }
    #expect(ids[1] == ids[6])
    #expect(Set(ids).count == texts.count - 1)
    #expect(zip(ids, texts).allSatisfy { strings[$0] == $1 })
    #expect(strings.find("ab") == ids[3])
    #expect(strings.find("abc") == nil)
    #expect(strings[.none] == "")
    let bytes = Array("日本".utf8)
    let again = strings.intern(bytes.span)
    #expect(again == ids[5])
    var output: [UInt8] = [1]
    strings.append(ids[3], to: &output)
    #expect(output == [1] + Array("ab".utf8))
  }

  @Test func types() {
    var tables = Tables()
    let (two, three) = (tables.dims.integer(2), tables.dims.integer(3))
    let a = tables.types.intern(.f32, [two, three])
    let again = tables.types.intern(.f32, [two, three])
    #expect(again == a)
    let others = [
      tables.types.intern(.f64, [two, three]), tables.types.intern(.f32, [three, two]),
      tables.types.intern(.f32, [two]), tables.types.intern(.f32, []),
    ]
    #expect(Set(others + [a]).count == 5)
    #expect(tables.types.shape(a) == [two, three])
    #expect(tables.types.rank(others[3]) == 0)
    #expect(tables.types.sameShape(a, others[0]))
    #expect(!tables.types.sameShape(a, others[1]))
    let double = tables.types.with(.f64, shapeOf: a)
    #expect(double == others[0])
    #expect(tables.types.dim(a, 1) == three)
    #expect(tables.text(a) == "f32[2,3]")
    #expect(tables.text(others[3]) == "f32[]")
  }

  @Test func attributesComeBack() {
    var tables = Tables()
    let name = tables.strings.intern("w")
    let dims = [tables.dims.integer(4), tables.dims.integer(0)]
    let all: [Attribute] = [
      Attribute(.axis, .int(-1)), Attribute(.keepDims, .bool(true)), Attribute(.value, .number(-0.0)),
      Attribute(.dtype, .dtype(.u8)), Attribute(.axes, .ints([])), Attribute(.order, .ints([1, 0, .min])),
      Attribute(.shape, .dims(dims)), Attribute(.length, .dim(dims[0])), Attribute(.name, .symbol(name)),
      Attribute(.body, .graph(GraphID(3))), Attribute(.constant, .constant(ConstantID(2))),
      Attribute(.equation, .string(name)),
    ]
    let id = tables.attributes.intern(all)
    let again = tables.attributes.intern(all)
    #expect(again == id)
    #expect(tables.attributes.attributes(id) == all)
    #expect(tables.attributes.int(id, .axis) == -1)
    #expect(tables.attributes.bool(id, .keepDims))
    #expect(tables.attributes.number(id, .value)?.sign == .minus)
    #expect(tables.attributes.dims(id, .shape) == dims)
    #expect(tables.attributes.graph(id, .body) == GraphID(3))
    #expect(tables.attributes.int(id, .keepDims) == nil, "another kind")
    #expect(tables.attributes.value(id, .limit) == nil)
    let empty = tables.attributes.intern([])
    #expect(empty == AttributeTable.empty)
    let other = tables.attributes.intern([Attribute(.axis, .int(-1))])
    #expect(other != id)
    #expect(tables.attributes.count == 3)
  }

  @Test func attributeNamesAreSnakeCase() {
    #expect(AttributeName.keepDims.text == "keep_dims")
    #expect(AttributeName.axis.text == "axis")
    for name in AttributeName.allCases { #expect(AttributeName(text: name.text) == name) }
    #expect(AttributeName(text: "nothing") == nil)
  }

  @Test func recordsDropDefaultsAndSort() {
    var tables = Tables()
    let definition = Op.sum.definition
    let keep = Attribute(.keepDims, .bool(true))
    let axes = Attribute(.axes, .ints([0]))
    let ids = [
      definition.record([keep, axes], &tables), definition.record([axes, keep], &tables),
      definition.record([Attribute(.keepDims, .bool(false))], &tables),
    ]
    #expect(ids[0] == ids[1])
    #expect(ids[2] == AttributeTable.empty)
  }

  @Test func constants() {
    var tables = Tables()
    let pair = tables.types.intern(.i32, [tables.dims.integer(2)])
    let bytes: [UInt8] = [1, 0, 0, 0, 255, 255, 255, 255]
    let a = tables.constants.intern(pair, bytes)
    let again = tables.constants.intern(pair, bytes)
    #expect(again == a)
    let b = tables.constants.intern(pair, bytes.reversed())
    #expect(b != a)
    #expect(tables.constants.range(b).lowerBound == 64, "constants start at multiples of 64")
    #expect(tables.constants.bits(a, 0, size: 4) == 1)
    #expect(tables.constants.bits(a, 1, size: 4) == 0xFFFF_FFFF)
    let other = tables.constants.intern(tables.types.intern(.f32, [tables.dims.integer(2)]), bytes)
    #expect(other != a, "the same bytes of another type")
  }

  @Test func locations() {
    var tables = Tables()
    let file = tables.strings.intern("m.swift")
    let scope = tables.strings.intern("gpt/block")
    let outer = tables.locations.intern(LocationTable.Location(file: file, line: 3, column: 5))
    let inner = tables.locations.intern(
      LocationTable.Location(file: file, line: 30, column: 7, scope: scope, parent: outer))
    #expect(tables.locations.count == 2)
    #expect(tables.place(inner)?.description == "m.swift:30:7")
    #expect(tables.callers(inner).map(\.message) == ["in `gpt/block`, called here"])
    #expect(tables.callers(inner).first?.place?.line == 3)
    #expect(tables.place(.none) == nil)
  }
}
