import SluiceFormats
import SluiceIR
import Testing

/// `.safetensors` files against those that the format's own package writes.
@Suite struct SafetensorsTests {
  static let arrays = [
    NamedTensor("w", HostTensor([1, 2, 3, -0.5] as [Float], shape: [2, 2])),
    NamedTensor("b", HostTensor([true, false])), NamedTensor("n", HostTensor(scalar: 7 as Int64)),
    NamedTensor("d", HostTensor([0.1] as [Double])), NamedTensor("i", HostTensor([-3, 4] as [Int32])),
    NamedTensor("u", HostTensor([1, 255, 0] as [UInt8])),
    NamedTensor("empty", HostTensor([] as [Float], shape: [0, 3])),
    NamedTensor("a\"\\\n/\u{1}\u{fc}\u{1f600}", HostTensor([5] as [UInt8])),
  ]

  @Test func readsAndWritesAsThePackageDoes() throws {
    let file = try Safetensors(Reference.safetensors, path: "x")
    #expect(file.metadata == ["format": "np"])
    #expect(file.names.sorted() == Self.arrays.map(\.name).sorted())
    for array in Self.arrays { #expect(try file.tensor(array.name) == array.tensor) }
    #expect(try file.tensor("none") == nil)
    #expect(
      try Safetensors.encode(Self.arrays, metadata: ["format": "np"], path: "x") == Reference.safetensors)
    #expect(
      try Safetensors.encode(file.tensors(), metadata: file.metadata, path: "x") == Reference.safetensors)
    #expect(try Safetensors(Reference.safetensorsEmpty, path: "x").names.isEmpty)
    #expect(try Safetensors.encode([], path: "x") == Reference.safetensorsEmpty)
  }

  /// A file with this header and data.
  static func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    let count = header.utf8.count
    return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + header.utf8 + data
  }

  /// A file of one array of bytes called a.
  static func one(
    dtype: String = "\"U8\"", shape: String = "[2]", offsets: String = "[0,2]", more: String = "",
    _ data: [UInt8] = [1, 2]
  ) -> [UInt8] {
    file("{\"a\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)\(more)}}", data)
  }

  @Test func acceptsWhatJSONAllows() throws {
    let spaced =
      "{ \"\\u0061\\ud83d\\uDE00\" :\n{\"data_offsets\" : [ 0 , 2 ],\t\"shape\":[2],\"dtype\":\"U8\"} } \n"
    let file = try Safetensors(Self.file(spaced, [1, 2]), path: "x")
    #expect(file.names == ["a\u{1f600}"])
    #expect(try file.tensors()[0].tensor == HostTensor([1, 2] as [UInt8]))
    #expect(try Safetensors(Self.one(), path: "x").tensor("a") == HostTensor([1, 2] as [UInt8]))
  }

  static let broken: [(bytes: [UInt8], message: String)] = [
    ([], "the length of the header takes 8 bytes but 0 are left"),
    ([UInt8](repeating: 0xff, count: 9), "promise a header of 18446744073709551615 bytes"),
    ([9, 0, 0, 0, 0, 0, 0, 0, 0x7b], "the header takes 9 bytes but 1 are left; is the file truncated?"),
    (file(""), "the header does not begin with `{`"),
    (file(" {}"), "byte 8: the header does not begin with `{`; the header has ` {}` there"),
    (file("[1]"), "does not begin with `{`"),
    (file("{}x"), "byte 10: the header goes on after its closing `}`; the header has `x` there"),
    (file("{"), "a string; the header has its end there"),
    (file("{\"a\":1}"), "byte 13: `{` should stand at the beginning of an object"),
    (file("{\"a\":{}}"), "`a` needs the keys `dtype`, `shape` and `data_offsets`"),
    (file("{\"a\""), "byte 12: `:` should stand behind the key; the header has its end there"),
    (file("{\"a"), "a string has no end"),
    (file("{\"a\u{1}\":1}"), "a control character"),
    (file("{\"\\x\":1}"), "unknown or broken escape"),
    (file("{\"\\ud800\":1}"), "unknown or broken escape"),
    (file("{\"\\ud800\\u0041\":1}"), "unknown or broken escape"),
    (file("{\"\\u00g0\":1}"), "unknown or broken escape"),
    (Array(file("{\"ab\":1}")[..<10]) + [0xc3, 0x28] + "\":1}".utf8, "a string is not UTF-8"),
    (file(String(repeating: "{\"a\":", count: 10000)), "`a` has the unknown key `a`"),
    (file("{\"a\":" + String(repeating: "[", count: 10000)), "`{` should stand"),
    (one(dtype: "\"I16\""), "`a` has 2 elements of i16 (4 bytes), but its offsets hold 2 bytes"),
    (one(dtype: "\"F4\"", shape: "[3]"), "`a` has 3 elements of f4"),
    (one(dtype: "\"NEW\"", offsets: "[0,3]"), "`a` ends at byte 3 of the data but there are 2"),
    (one(dtype: "4"), "`\"` should stand at the beginning of a string"),
    (one(shape: "[02]"), "a whole number in plain digits should stand here; the header has `02]"),
    (one(shape: "[2.0]"), "a whole number in plain digits"),
    (one(shape: "[2e0]"), "a whole number in plain digits"),
    (one(shape: "[-2]"), "a whole number in plain digits"),
    (one(shape: "[2,]"), "a whole number in plain digits"),
    (one(shape: "[9223372036854775808]"), "a number does not fit 64 bits"),
    (one(shape: "[4294967296,4294967296]"), "the size of `a`, [4294967296,4294967296], overflows"),
    (one(shape: "[[2]]"), "a whole number in plain digits"),
    (one(shape: "2"), "`[` should stand at the beginning"),
    (one(shape: "[3]"), "`a` has 3 elements of u8 (3 bytes), but its offsets hold 2 bytes"),
    (
      one(offsets: "[2,0]"), "`data_offsets` of `a` are the first byte and the one behind the last, not [2,0]"
    ),
    (one(offsets: "[0,1,2]"), "not [0,1,2]"), (one(offsets: "[0]"), "not [0]"),
    (one(more: ",\"x\":1"), "`a` has the unknown key `x`"),
    (one(more: ",\"shape\":[2]"), "`a` has the key `shape` twice"),
    (one([1]), "`a` ends at byte 2 of the data but there are 1; is the file truncated?"),
    (one([1, 2, 3]), "1 bytes behind the last array belong to none"),
    (
      one(offsets: "[1,3]", [1, 2, 3]),
      "`a` begins at byte 1 of the data and leaves a hole before it, up to 0"
    ),
    (
      one(more: "},\"b\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]"),
      "`b` begins at byte 1 of the data and overlaps the array before it, up to 2"
    ),
    (
      one(more: "},\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]"),
      "the name `a` is there twice"
    ),
    (file("{\"__metadata__\":{\"a\":1}}"), "`\"` should stand at the beginning of a string"),
    (file("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}"), "`a` is in the metadata twice"),
    (file("{\"__metadata__\":{},\"__metadata__\":{}}"), "the name `__metadata__` is there twice"),
  ]

  @Test(arguments: broken) func refuses(_ file: (bytes: [UInt8], message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Safetensors(file.bytes, path: "x") }
  }

  /// The order of the package's own file is by dtype: f32, then bf16, then f16.
  @Test func storesNarrowFloats() throws {
    let arrays = [
      NamedTensor("h", HostTensor(narrowing: [1, -0.1], to: .f16)),
      NamedTensor("b", HostTensor(narrowing: [1, -0.1, .infinity], to: .bf16)),
      NamedTensor("f", HostTensor([1] as [Float])),
    ]
    let bytes = try Safetensors.encode(arrays, path: "x")
    #expect(bytes == Reference.safetensorsNarrow)
    let file = try Safetensors(bytes, path: "x")
    for array in arrays { #expect(try file.tensor(array.name) == array.tensor) }
    #expect(try file.tensor("h")?.words() == [0x3C00, 0xAE66])
    #expect(try file.tensor("b")?.words() == [0x3F80, 0xBDCD, 0x7F80])
  }

  /// Arrays of any dtype may stand beside those that are asked for.
  @Test func passesOverOtherDtypes() throws {
    let header = """
      {"i8":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"u16":{"dtype":"U16","shape":[1],"data_offsets":[2,4]},
      "u64":{"dtype":"U64","shape":[1],"data_offsets":[4,12]},"f8":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[12,14]},
      "f4":{"dtype":"F4","shape":[2,2],"data_offsets":[14,16]},"new":{"dtype":"X","shape":[7],"data_offsets":[16,17]},
      "f":{"dtype":"F32","shape":[],"data_offsets":[17,21]}}
      """
    let data: [UInt8] =
      [255, 1, 255, 255] + [UInt8](repeating: 255, count: 8) + [1, 2, 3, 4, 5, 0, 0, 128, 63]
    let file = try Safetensors(Self.file(header, data), path: "x")
    #expect(file.names == ["i8", "u16", "u64", "f8", "f4", "new", "f"])
    #expect(try file.tensor("f") == HostTensor(scalar: 1 as Float))
    #expect(try file.tensor("i8") == HostTensor([-1, 1] as [Int32]))
    #expect(try file.tensor("u16") == HostTensor([65535] as [Int32]))
    for (name, message) in [
      ("u64", "element 0 is 18446744073709551615, which is no i64"),
      ("f8", "the dtype `F8_E4M3` is not supported"),
      ("f4", "the dtype `F4` is not supported"), ("new", "the dtype `X` is not supported"),
    ] {
      expectMalformed(message) { () throws(FileError) in try file.tensor(name) }
    }
  }

  @Test func refusesBoolsThatAreNone() throws {
    expectMalformed("`a` at byte 63: element 1 of a bool array is the byte 2") { () throws(FileError) in
      try Safetensors(Self.one(dtype: "\"BOOL\""), path: "x").tensors()
    }
  }

  @Test func refusesToWriteNamesThatClash() {
    let value = HostTensor(scalar: 1 as Float)
    expectMalformed("an array cannot be called `__metadata__`") { () throws(FileError) in
      try Safetensors.encode([NamedTensor("__metadata__", value)], path: "x")
    }
    expectMalformed("two arrays have the name `a`") { () throws(FileError) in
      try Safetensors.encode([NamedTensor("a", value), NamedTensor("a", value)], path: "x")
    }
  }

  @Test func everyTruncationIsSeen() {
    let file = Reference.safetensors
    for count in file.indices {
      #expect(throws: FileError.self) { try Safetensors(Array(file[..<count]), path: "x") }
    }
  }
}
