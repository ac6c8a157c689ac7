import SluiceFormats
import SluiceIR
import Testing

/// `.npy` files against those that NumPy writes.
@Suite struct NpyTests {
  private static let infinity = Float.infinity

  /// What NumPy wrote in C order and little-endian with version 1, and what it holds.
  static let plain: [(bytes: [UInt8], tensor: HostTensor)] = [
    (
      Reference.npyFloat32,
      HostTensor([0, -1.5, 2, infinity, .leastNonzeroMagnitude, 3.4028235e38] as [Float], shape: [2, 3])
    ),
    (Reference.npyFloat64, HostTensor([0.1, -2.5, Double.pi])),
    (Reference.npyInt32, HostTensor(scalar: -7 as Int32)),
    (Reference.npyInt64, HostTensor([1, -2, 1 << 62, .min] as [Int64], shape: [2, 2, 1])),
    (Reference.npyUInt8, HostTensor([0, 1, 127, 128, 255] as [UInt8])),
    (Reference.npyHalf, HostTensor(narrowing: [0, 1, 2], to: .f16)),
    (Reference.npyBool, HostTensor([true, false, true], shape: [1, 3])),
    (Reference.npyEmpty, HostTensor([] as [Float], shape: [0, 4])),
  ]

  @Test(arguments: plain) func readsAndWritesAsNumPy(_ file: (bytes: [UInt8], tensor: HostTensor)) throws {
    #expect(try Npy.decode(file.bytes, path: "x") == file.tensor)
    #expect(Npy.encode(file.tensor) == file.bytes)
  }

  @Test func readsOtherVersionsAndOrders() throws {
    let cube = HostTensor((0..<24).map { Int32($0) }, shape: [2, 3, 4])
    #expect(try Npy.decode(Reference.npyFortran, path: "x") == cube)
    let integers = HostTensor([1, -2, 3, 70000, 5, -6] as [Int32], shape: [2, 3])
    #expect(try Npy.decode(Reference.npyBigEndian, path: "x") == integers)
    let doubles = HostTensor([0.5, -2, 3, 1e300, 5, -6] as [Double], shape: [2, 3])
    #expect(try Npy.decode(Reference.npyBigEndianFortran, path: "x") == doubles)
    let range = HostTensor([0, 1, 2] as [Float])
    #expect(try Npy.decode(Reference.npyVersion2, path: "x") == range)
    #expect(try Npy.decode(Reference.npyVersion3, path: "x") == range)
  }

  @Test func namesTheDtypesItDoesNotRead() {
    let hint = "convert to one of f2, f4, f8, i1 to i8, u1 to u8, b1"
    expectMalformed("dtype `|O` holds pickled Python objects, which are never read; \(hint)") {
      () throws(FileError) in try Npy.decode(Reference.npyObject, path: "x")
    }
    expectMalformed("dtype `[('a', '<f4'), ('b', '<i4')], 'fortran_o...` is a structured one") {
      () throws(FileError) in try Npy.decode(Reference.npyStructured, path: "x")
    }
    expectMalformed("dtype `<c8` (complex numbers)") {
      () throws(FileError) in try Npy.decode(Reference.npyComplex, path: "x")
    }
  }

  /// A version 1 file with this header and data.
  static func file(_ header: String, _ data: [UInt8] = [], version: UInt8 = 1) -> [UInt8] {
    let count = header.utf8.count
    let length = [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
    return [0x93] + "NUMPY".utf8 + [version, 0] + length + header.utf8 + data
  }

  static func file(shape: String, _ data: [UInt8] = [], descr: String = "'|u1'") -> [UInt8] {
    file("{'descr': \(descr), 'fortran_order': False, 'shape': \(shape), }\n", data)
  }

  @Test func acceptsWhatIsTheSameInPython() throws {
    let header = #" { "shape":(2,),"fortran_order" : True, 'descr':'<u1'} "#
    #expect(try Npy.decode(NpyTests.file(header, [7, 8]), path: "x") == HostTensor([7, 8] as [UInt8]))
    #expect(try Npy.decode(NpyTests.file(shape: "()", [7]), path: "x") == HostTensor(scalar: 7 as UInt8))
    #expect(try Npy.decode(NpyTests.file(shape: "( 1 , 2 , )", [7, 8]), path: "x").shape == [1, 2])
  }

  /// The bytes that NumPy 2.4 wrote for the least numbers, the largest, and 0 and 1, in both byte orders.
  @Test(
    arguments: [
      ("|i1", [0, 1, 127, 128], HostTensor([0, 1, 127, -128] as [Int32])),
      ("<i2", [0, 0, 1, 0, 255, 127, 0, 128], HostTensor([0, 1, 32767, -32768] as [Int32])),
      (">i2", [0, 0, 0, 1, 127, 255, 128, 0], HostTensor([0, 1, 32767, -32768] as [Int32])),
      ("<u2", [0, 0, 1, 0, 255, 255, 0, 0], HostTensor([0, 1, 65535, 0] as [Int32])),
      (">u2", [0, 0, 0, 1, 255, 255, 0, 0], HostTensor([0, 1, 65535, 0] as [Int32])),
      (
        "<u4", [0, 0, 0, 0, 1, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0],
        HostTensor([0, 1, 4_294_967_295, 0] as [Int64])
      ),
      (
        ">u4", [0, 0, 0, 0, 0, 0, 0, 1, 255, 255, 255, 255, 0, 0, 0, 0],
        HostTensor([0, 1, 4_294_967_295, 0] as [Int64])
      ),
      (
        ">u8",
        [
          0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 127, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0,
          0, 0,
          0, 2,
        ],
        HostTensor([0, 1, .max, 2] as [Int64])
      ),
    ] as [(String, [UInt8], HostTensor)])
  func readsIntegersThatAreNoDtype(_ descr: String, _ data: [UInt8], _ tensor: HostTensor) throws {
    #expect(try Npy.decode(Self.file(shape: "(4,)", data, descr: "'\(descr)'"), path: "x") == tensor)
    // In Fortran order the second index runs slowest.
    let header = "{'descr': '\(descr)', 'fortran_order': True, 'shape': (2, 2), }"
    let matrix = try Npy.decode(Self.file(header, data), path: "x")
    let order = [0, 2, 1, 3]
    #expect(matrix.asIntegers() == order.map { tensor.asIntegers()[$0] })
    #expect(matrix.shape == [2, 2])
  }

  /// What NumPy's reader takes, and what Python 2 wrote: long integers and marked strings.
  @Test(arguments: ["|f4", "=f4", "f4", "<f4", "float32", "f"])
  func readsEverySpelling(_ descr: String) throws {
    let header = "{u'shape': (2L, 1L), 'descr': u'\(descr)', 'fortran_order': False}   \n"
    let bytes: [UInt8] = [0, 0, 128, 63, 0, 0, 0, 192]
    #expect(
      try Npy.decode(Self.file(header, bytes), path: "x") == HostTensor([1, -2] as [Float], shape: [2, 1]))
  }

  static let broken: [(bytes: [UInt8], message: String)] = [
    ([], "the magic of a .npy file takes 8 bytes but 0 are left"),
    (Array("PK\u{3}\u{4}1234".utf8), "begins with `PK\\x03\\x041234`, not with the magic"),
    (file("", version: 4), ".npy version 4.0 is unknown; versions 1.0, 2.0 and 3.0"),
    (
      Array(Reference.npyFloat32.prefix(40)),
      "the header takes 118 bytes but 30 are left; is the file truncated?"
    ),
    (
      Array(Reference.npyFloat32.dropLast(4)),
      "header says 6 elements of f32 (24 bytes) but 20 bytes follow; is the file truncated?"
    ),
    (Reference.npyFloat32 + [0], "(24 bytes) but 25 bytes follow; what follows the array?"),
    (file(shape: "(2, -3)"), "`shape` has the negative extent -3"),
    (file(shape: "(9223372036854775808,)"), "an extent in `shape` does not fit 64 bits"),
    (
      file(shape: "(9223372036854775807, 2)"),
      "the size of the shape [9223372036854775807,2] in the header overflows"
    ),
    (file(shape: "(2305843009213693952,)", descr: "'<f8'"), "in the header overflows"),
    (file(shape: "(0, 4294967296, 4294967296)"), "in the header overflows"),
    (file(shape: "(3)", [1, 2, 3]), "`shape` is not a tuple; one axis is written `(3,)`"),
    (file(shape: "[3]", [1, 2, 3]), "`shape` is not a tuple but begins `[3]"),
    (file(shape: "(3l,)", [1, 2, 3]), "`shape` is not a tuple"),
    (file(shape: "(3L)", [1, 2, 3]), "`shape` is not a tuple; one axis is written `(3,)`"),
    (file(shape: "(,)"), "where an extent should stand"),
    (file(shape: "(2,), 'x': 1"), "unknown key `x`"),
    (file(shape: "(1,), 'shape': (1,)", [1]), "has the key `shape` twice"),
    (file("{'descr': '|u1', 'shape': (1,)}", [1]), "no key `fortran_order`"),
    (file("{'descr': '|u1', 'fortran_order': 0, 'shape': (1,)}", [1]), "neither True nor False"),
    (file("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} + 1", [1]), "goes on with `+ 1`"),
    (file("{'descr': '|u1"), "`descr` is a string without an end"),
    (file("{'descr' '|u1'}"), "where `:` should stand"),
    (file("{'descr': '|u1'"), "the header has its end where `}` should stand"),
    (file(shape: "(1,)", [2], descr: "'|b1'"), "element 0 of a bool array is the byte 2"),
    (file(shape: "(1,)", [0, 0, 0, 0], descr: "'|f3'"), "dtype `|f3` (floats of another size)"),
    (file(shape: "(1,)", [0, 0, 0, 0], descr: "'<u16'"), "dtype `<u16` (unsigned integers of another size)"),
    (file(shape: "(1,)", [0, 0, 0, 0], descr: "'<u8'"), "1 elements of u64 (8 bytes) but 4 bytes follow"),
    (file(shape: "(1152921504606846976,)", descr: "'|i1'"), "1152921504606846976 elements of i8 ("),
    (file(shape: "(4611686018427387904,)", descr: "'|i1'"), "in the header overflows"),
    (
      file(shape: "(2,)", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128], descr: "'<u8'"),
      "element 1 is 9223372036854775808, which is no i64"
    ),
    (file(shape: "(1,)", descr: "'\u{1b}[31m'"), "dtype `\\x1b[31m`"),
    (file(shape: "(1,)", descr: "''"), "dtype `` is not supported"),
  ]

  @Test(arguments: broken) func refuses(_ file: (bytes: [UInt8], message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Npy.decode(file.bytes, path: "x") }
  }

  @Test func hasNoBfloat16() {
    let tensor = HostTensor(narrowing: [1], to: .bf16)
    expectMalformed("the format has no bf16; cast to f32 (exact) or f16 first, or write a .safetensors file")
    {
      () throws(FileError) in try Npy.write(tensor, to: "x")
    }
    expectMalformed("the format has no bf16") { () throws(FileError) in
      try Npz.encode([NamedTensor("a", tensor)], path: "x")
    }
  }

  @Test func writesManyAxesWithVersion2() throws {
    let tensor = try HostTensor.zeros(.u8, shape: [Int](repeating: 1, count: 30000))
    let bytes = Npy.encode(tensor)
    #expect(bytes[6] == 2)
    #expect((bytes.count - 1) % 64 == 0)
    #expect(try Npy.decode(bytes, path: "x") == tensor)
  }
}
