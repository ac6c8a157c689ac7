import SluiceIR
import Testing

@testable import SluiceFormats

/// `.npz` files against those that NumPy writes.
@Suite struct NpzTests {
  static let plain = [
    NamedTensor("x", HostTensor([1, 2] as [Float])), NamedTensor("flag", HostTensor([true], shape: [])),
  ]
  /// Files that NumPy wrote, and what they hold.
  static let files: [(bytes: [UInt8], tensors: [NamedTensor])] = [
    (Reference.npz, plain),
    (
      Reference.npzCompressed,
      [
        NamedTensor("x", HostTensor([Int64](repeating: 0, count: 40))),
        NamedTensor("a/\u{fc}", HostTensor((0..<6).map { Int32($0) }, shape: [2, 3])),
      ]
    ),
    (Reference.npzPiped, [NamedTensor("x", HostTensor([1, 2] as [UInt8]))]),
    (Reference.npzEmpty, []),
    (Reference.npzPlain, [NamedTensor("x", HostTensor([7] as [Int64]))]),
  ]

  @Test(arguments: files) func readsWhatNumPyWrites(_ file: (bytes: [UInt8], tensors: [NamedTensor])) throws {
    let npz = try Npz(file.bytes, path: "x")
    #expect(npz.names == file.tensors.map(\.name))
    #expect(try npz.tensors() == file.tensors)
    #expect(try npz.tensor("none") == nil)
    for (compressed, limit) in [(false, nil), (true, nil), (false, 0), (true, 0), (true, 100)]
      as [(Bool, Int?)]
    {
      let bytes =
        try limit.map { Self.encode(file.tensors, compressed, narrowLimit: $0) }
        ?? Npz.encode(file.tensors, path: "x", compressed: compressed)
      #expect(try Npz(bytes, path: "x").tensors() == file.tensors)
    }
  }

  /// As `Npz.encode`, with zip64 records for numbers from `narrowLimit` on.
  static func encode(_ tensors: [NamedTensor], _ compressed: Bool, narrowLimit: Int) -> [UInt8] {
    var writer = ZipWriter(narrowLimit: narrowLimit)
    for tensor in tensors {
      writer.append(tensor.name + ".npy", Npy.encode(tensor.tensor), isPacked: compressed)
    }
    return writer.finish()
  }

  @Test func writesTheBytesThatNumPyWrites() throws {
    #expect(try Npz.encode(Self.plain, path: "x") == Reference.npz)
    #expect(try Npz.encode([], path: "x") == Reference.npzEmpty)
  }

  @Test func unpacksWhatIsMuchSmallerPacked() throws {
    let tensor = try Npz(Reference.npzZeros, path: "x").tensor("x")
    #expect(tensor == (try HostTensor.zeros(.f64, shape: [500_000])))
    let packed = try Npz.encode([NamedTensor("x", try #require(tensor))], path: "x", compressed: true)
    #expect(packed.count < 10000)
    #expect(try Npz(packed, path: "x").tensor("x") == tensor)
  }

  /// `bytes` with the little-endian number at `at` replaced.
  static func patched(_ bytes: [UInt8], _ at: Int, _ value: Int, _ count: Int) -> [UInt8] {
    var result = bytes
    for byte in 0..<count { result[at + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    return result
  }

  /// Members of raw contents.
  static func zip(_ members: [(String, [UInt8])], isPacked: Bool = false) -> [UInt8] {
    var writer = ZipWriter()
    for (name, contents) in members { writer.append(name, contents, isPacked: isPacked) }
    return writer.finish()
  }

  static let broken: [(bytes: [UInt8], message: String)] = {
    // One member: header at 0 (25 name, 20 extra), data at 55, directory at 55 + 136, end record 51 later.
    let x = Npy.encode(HostTensor([7] as [Int64]))
    let one = zip([("x.npy", x)])
    let directory = 55 + x.count
    let end = one.count - 22
    let two = zip([("x.npy", x), ("y.npy", x)])
    return [
      ([], "0 bytes are no zip file"),
      (Array(one.dropLast()), "no end record of a zip file stands there; is the file truncated"),
      (one + [0], "no end record"),
      (patched(one, end + 20, 1, 2), "promises a comment"),
      (patched(one, end + 4, 1, 2), "split over several files"),
      (patched(one, end + 8, 2, 2), "split over several files"),
      (patched(patched(one, end + 8, 2, 2), end + 10, 2, 2), "promises 2 members"),
      (patched(patched(one, end + 8, 0, 2), end + 10, 0, 2), "51 bytes follow the 0 directory entries"),
      (patched(one, end + 12, 52, 4), "the directory should end here"),
      (patched(one, end + 16, 0xffff_ffff, 4), "the directory should end here"),
      (patched(one, directory, 0, 4), "no directory entry stands where one should"),
      (patched(one, directory + 8, 1, 2), "is encrypted"),
      (patched(one, directory + 8, 0x40, 2), "has the flags 0x40"),
      (patched(one, directory + 10, 12, 2), "is packed by method 12; stored (0) and deflated (8)"),
      (patched(one, directory + 46, 0xff, 1), "its name is not UTF-8"),
      (patched(one, directory + 46, Int(UInt8(ascii: "y")), 1), "has another name, method or flags"),
      (patched(one, directory + 16, 0, 4), "the header at byte 0 has another size or checksum"),
      (patched(one, directory + 24, 1, 4), "the header at byte 0 has another size or checksum"),
      (patched(one, directory + 34, 1, 2), "is in another file of a split archive"),
      (patched(one, directory + 42, 1, 4), "begins at byte 1, but byte 0 is the next free one"),
      (patched(two, two.count - 22 - 51 + 42, 0, 4), "begins at byte 0, but byte 191 is the next free one"),
      (patched(one, 0, 0, 4), "the header of member `x.npy` should stand here"),
      (patched(one, 28, 0xffff, 2), "is the file truncated?"),
      (patched(one, 39, 1 << 40, 8), "has another size or checksum"),
      (zip([("x.npy", x), ("x.npy", x)]), "`x.npy` is there twice"),
      (zip([("x.txt", x)]), "member `x.txt` is no `.npy` file"),
      (zip([("../x.npy", x)]), "its name is a path with `.` or `..`"),
      (zip([("/x.npy", x)]), "its name is an absolute path"),
      (zip([("a\\x.npy", x)]), "its name has a backslash"),
      (zip([("a\u{0}.npy", x)]), "its name has a control character"),
      (zip([(".npy", x)]), "its name is empty"),
    ]
  }()

  @Test(arguments: broken) func refuses(_ file: (bytes: [UInt8], message: String)) {
    expectMalformed(file.message) { () throws(FileError) in try Npz(file.bytes, path: "x") }
  }

  @Test func refusesBrokenMembers() throws {
    let x = Npy.encode(HostTensor([7] as [Int64]))
    var damaged = Self.zip([("x.npy", x)])
    damaged[55 + 128] ^= 1
    expectMalformed("member `x.npy` at byte 55: its checksum is wrong") { () throws(FileError) in
      try Npz(damaged, path: "x").tensors()
    }
    expectMalformed("member `x.npy` at byte 55: header says 1 elements") { () throws(FileError) in
      try Npz(Self.zip([("x.npy", x + [0])]), path: "x").tensors()
    }
    let packed = Self.zip([("x.npy", [UInt8](repeating: 0, count: 1 << 20))], isPacked: true)
    expectMalformed("begins with `\\x00") { () throws(FileError) in try Npz(packed, path: "x").tensors() }
  }

  /// An archive that promises gigabytes is refused before they are unpacked.
  @Test func aBombIsNotUnpacked() throws {
    // 1 MiB of zeros that say they are an array of 8 bytes.
    var contents = Npy.encode(HostTensor([7] as [Int64]))
    contents += [UInt8](repeating: 0, count: 1 << 20)
    expectMalformed("(8 bytes) but 1048584 bytes follow") { () throws(FileError) in
      try Npz(Self.zip([("x.npy", contents)], isPacked: true), path: "x").tensors()
    }
    // More than DEFLATE can hold, said in both headers.
    let small = Self.zip([("x.npy", contents)], isPacked: true)
    let directory = small.count - 22 - 51
    let lying = Self.patched(Self.patched(small, 39, 0x7fff_ffff, 8), directory + 24, 0x7fff_ffff, 4)
    expectMalformed("promises 2147483647 bytes, which its") { () throws(FileError) in
      try Npz(lying, path: "x")
    }
  }

  @Test func refusesToWriteNamesThatMislead() {
    let value = HostTensor(scalar: 1 as Float)
    for (name, message) in [
      ("..", "is a path"), ("", "is empty"), ("/etc/passwd", "is an absolute path"),
      ("a\nb", "control character"),
    ] {
      expectMalformed(message) { () throws(FileError) in try Npz.encode([NamedTensor(name, value)], path: "x")
      }
    }
    expectMalformed("two arrays have the name `a`") { () throws(FileError) in
      try Npz.encode([NamedTensor("a", value), NamedTensor("a", value)], path: "x")
    }
  }

  @Test func everyTruncationIsSeen() {
    for file in Self.files.map(\.bytes) + [Self.encode(Self.plain, true, narrowLimit: 0)] {
      for count in file.indices {
        #expect(throws: FileError.self) { try Npz(Array(file[..<count]), path: "x") }
      }
    }
  }

  @Test func filesGoThroughTheFileSystem() throws {
    let folder = OpenFile.temporaryPath(in: "/tmp/")
    try FileIO.createDirectories(folder)
    for name in ["a.npz", "a.safetensors"] {
      try TensorArchive.write(Self.plain, to: "\(folder)/\(name)")
      let archive = try TensorArchive.read("\(folder)/\(name)")
      #expect(archive.names.sorted() == ["flag", "x"])
      #expect(try archive.tensor("x") == Self.plain[0].tensor)
    }
    #expect(throws: FileError.self) { try TensorArchive.read("\(folder)/a.zip") }
    #expect(throws: FileError.self) { try TensorArchive.write([], to: "\(folder)/a.zip") }
  }
}
