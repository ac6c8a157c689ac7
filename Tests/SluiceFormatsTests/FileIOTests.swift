import SluiceFormats
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file system: whole files, atomic writing, folders and the errors of each.
@Suite struct FileIOTests {
  /// A new folder that is removed at the end.
  final class Folder {
    let path: String

    init() throws {
      let base = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
      path = "\(base)/sluice-formats-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
      try FileIO.createDirectories(path)
    }

    deinit { FileIOTests.remove(path) }

    /// The names in it, sorted.
    var names: [String] { FileIOTests.names(in: path) }
  }

  static func names(in folder: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  static func remove(_ path: String) {
    if FileIO.isFolder(path) {
      for name in names(in: path) { remove(path + "/" + name) }
      _ = unsafe rmdir(path)
    } else {
      _ = unsafe unlink(path)
    }
  }

  /// What `body` throws.
  func failure(_ body: () throws(FileError) -> some Any) -> FileError? {
    do throws(FileError) {
      _ = try body()
      return nil
    } catch {
      return error
    }
  }

  @Test func readsWhatItWrites() throws {
    let folder = try Folder()
    for count in [0, 1, 65535, 65536, 65537, 300_000] {
      let bytes = Reference.skewed(count)
      try FileIO.write(bytes, to: folder.path + "/a")
      #expect(try FileIO.read(folder.path + "/a") == bytes)
    }
    try FileIO.write("text ü", to: folder.path + "/a")
    #expect(try FileIO.read(folder.path + "/a") == Array("text ü".utf8))
    #expect(folder.names == ["a"])
    // A file that says its size is 0 and has contents all the same.
    if FileIO.exists("/proc/self/maps") { #expect(try !FileIO.read("/proc/self/maps").isEmpty) }
  }

  @Test func readsAndWritesTensorsPicturesAndSound() throws {
    let folder = try Folder()
    let tensor = HostTensor([1, 2, 3] as [Float])
    try Npy.write(tensor, to: folder.path + "/a.npy")
    #expect(try Npy.read(folder.path + "/a.npy") == tensor)
    let image = try PictureTests.picture(3, 4, .rgb)
    try Png.write(image, to: folder.path + "/a.png")
    #expect(try Png.read(folder.path + "/a.png") == image)
    try Pgm.write(image, to: folder.path + "/a.pgm")
    #expect(try Pgm.read(folder.path + "/a.pgm") == image.grey)
    let clip = try #require(AudioClip(sampleRate: 9, channels: [[0.5, 0.25]]))
    try Wav.write(clip, to: folder.path + "/a.wav")
    #expect(try Wav.read(folder.path + "/a.wav") == clip)
    let error = failure { () throws(FileError) in try Npy.read(folder.path + "/a.wav") }
    #expect(error?.description.hasPrefix("`\(folder.path)/a.wav`: begins with `RIFF") == true)
    #expect(error?.exitCode == 1)
  }

  @Test func saysWhyItCannotRead() throws {
    let folder = try Folder()
    let missing = failure { () throws(FileError) in try FileIO.read(folder.path + "/none") }
    #expect(
      missing == FileError(path: folder.path + "/none", kind: .notFound, message: "no such file or directory")
    )
    #expect(missing?.exitCode == 66)
    let isFolder = failure { () throws(FileError) in try FileIO.read(folder.path) }
    #expect(isFolder == FileError(path: folder.path, kind: .io, message: "is a folder; give a file"))
    #expect(isFolder?.exitCode == 74)
    try FileIO.write([1, 2, 3], to: folder.path + "/a")
    #expect(failure { () throws(FileError) in try FileIO.read(folder.path + "/a/b") }?.kind == .notFound)
    let long = failure { () throws(FileError) in try FileIO.read(folder.path + "/a", limit: 2) }
    #expect(long?.message == "holds more than 2 bytes, the most read here")
    #expect(try FileIO.read(folder.path + "/a", limit: 3) == [1, 2, 3])
    #expect(try FileIO.read(folder.path + "/a", limit: .max) == [1, 2, 3])
    #expect(failure { () throws(FileError) in try FileIO.read("/dev/zero", limit: 100_000) }?.kind == .io)
    #expect(failure { () throws(FileError) in try FileIO.read("") }?.message == "the path is empty")
    #expect(
      failure { () throws(FileError) in try FileIO.read("a\0b") }?.message == "the path holds a zero byte")
  }

  @Test func saysWhyItCannotWriteAndLeavesNothingBehind() throws {
    let folder = try Folder()
    let noFolder = failure { () throws(FileError) in try FileIO.write([1], to: folder.path + "/x/a") }
    #expect(noFolder?.kind == .io)
    #expect(noFolder?.message == "cannot be written: there is no folder `\(folder.path)/x/`; make it first")
    #expect(failure { () throws(FileError) in try FileIO.write([1], to: folder.path) }?.kind == .io)
    // The temporary file can be made, but not be given this name.
    let long = folder.path + "/" + String(repeating: "n", count: 300)
    #expect(
      failure { () throws(FileError) in try FileIO.write([1], to: long) }?.message.contains("name too long")
        == true)
    #expect(folder.names == [])
  }

  @Test func replacesFilesInOneStep() throws {
    let folder = try Folder()
    let (file, link) = (folder.path + "/file", folder.path + "/link")
    try FileIO.write([1], to: file)
    #expect(unsafe chmod(file, 0o640) == 0)
    #expect(unsafe symlink("file", link) == 0)
    // Whoever has the old file open keeps the old contents.
    let old = unsafe open(file, O_RDONLY)
    defer { close(old) }
    try FileIO.write([2, 3], to: link)
    var byte: UInt8 = 0
    #expect(unsafe read(old, &byte, 1) == 1)
    #expect(byte == 1)
    #expect(try FileIO.read(file) == [2, 3])
    var info = stat()
    #expect(unsafe lstat(link, &info) == 0)
    #expect(info.st_mode & S_IFMT == S_IFLNK)
    #expect(unsafe lstat(file, &info) == 0)
    #expect(info.st_mode & 0o777 == 0o640)
    #expect(folder.names == ["file", "link"])
  }

  @Test func writesToDevicesDirectly() throws {
    try FileIO.write([1, 2, 3], to: "/dev/null")
    var info = stat()
    #expect(unsafe stat("/dev/null", &info) == 0)
    #expect(info.st_mode & S_IFMT == S_IFCHR)
    if FileIO.exists("/dev/full") {
      let error = failure { () throws(FileError) in try FileIO.write([1], to: "/dev/full") }
      #expect(
        error
          == FileError(path: "/dev/full", kind: .io, message: "cannot be written: no space left on device"))
    }
  }

  @Test func makesFolders() throws {
    let folder = try Folder()
    try FileIO.createDirectories(folder.path + "/a/b//c/")
    try FileIO.createDirectories(folder.path + "/a/b/c")
    #expect(FileIO.isFolder(folder.path + "/a/b/c"))
    try FileIO.write([1], to: folder.path + "/file")
    #expect(FileIO.exists(folder.path + "/file") && !FileIO.isFolder(folder.path + "/file"))
    #expect(!FileIO.exists(folder.path + "/none") && !FileIO.exists(""))
    let error = failure { () throws(FileError) in try FileIO.createDirectories(folder.path + "/file") }
    #expect(
      error?.message == "cannot make the folder `\(folder.path)/file`: a file of that name is in the way")
    #expect(
      failure { () throws(FileError) in try FileIO.createDirectories(folder.path + "/file/x") }?.kind == .io)
    try FileIO.createDirectories("/")
    try FileIO.createDirectories(".")
  }

  @Test func dashIsStandardInputAndOutput() async throws {
    let result = try await #require(processExitsWith: .success, observing: [\.standardOutputContent]) {
      var ends: [Int32] = [0, 0]
      guard unsafe pipe(&ends) == 0, dup2(ends[0], 0) == 0, unsafe write(ends[1], "piped", 5) == 5 else {
        exit(1)
      }
      close(ends[1])
      let bytes = try FileIO.read("-")
      try FileIO.write(bytes + "!".utf8, to: "-")
    }
    #expect(String(decoding: result.standardOutputContent, as: UTF8.self).contains("piped!"))
  }
}
