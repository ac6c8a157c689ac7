// No name of a model clashes with anything: words of C and C++, the system's headers, or what the file prints itself.

import SluiceC
import SluiceFormats
import SluiceIR
import SluicePlan
import TestSupport
import Testing

@Suite struct NameTests {
  /// The headers of C and POSIX that the machine has, with everything that they can declare.
  private static let headers: String = {
    let names = """
      assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdbool
      stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype aio arpa/inet cpio dirent
      dlfcn fcntl fmtmsg fnmatch ftw glob grp iconv langinfo libgen monetary mqueue net/if netdb netinet/in
      netinet/tcp nl_types poll pthread pwd regex sched search semaphore spawn strings sys/ipc sys/mman sys/msg
      sys/resource sys/select sys/sem sys/shm sys/socket sys/stat sys/statvfs sys/time sys/times sys/types sys/uio
      sys/un sys/utsname sys/wait syslog tar termios ulimit unistd utime utmpx wordexp sys/sysmacros sys/param malloc
      alloca err error getopt sys/ioctl sys/mount
      """.split(whereSeparator: \.isWhitespace)
    // Headers that C++ has otherwise.
    let isOnlyC: Set = [
      "complex", "iso646", "stdalign", "stdbool", "stdnoreturn", "tgmath", "threads", "stdatomic",
    ]
    var text = "#ifndef _GNU_SOURCE\n#define _GNU_SOURCE\n#endif\n"
    for name in names {
      let condition = isOnlyC.contains(String(name)) ? "!defined(__cplusplus) && " : ""
      text += "#if \(condition)__has_include(<\(name).h>)\n#include <\(name).h>\n#endif\n"
    }
    return text
  }()

  /// What a compiler's preprocessor makes of the headers, or the macros that they define.
  private static func preprocessed(_ flags: [String]) throws -> String {
    let folder = try ScratchFolder()
    let file = try folder.write("all.h", headers)
    let compiler = try CCompiler.find()
    return try folder.run(compiler.path, ["-std=gnu11", "-w", "-x", "c"] + flags + [file]).output
  }

  private static func macros() throws -> [String] {
    try preprocessed(["-dM", "-E"]).split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      return words.count > 1 ? words[1].split(separator: "(").first.map(String.init) : nil
    }
  }

  /// Every identifier of a text, each once.
  static func identifiers(_ text: String) -> Set<String> {
    var found: Set<String> = []
    var current: [UInt8] = []
    for byte in Array(text.utf8) + [0x20] {
      let isWord =
        byte == 0x5F || (byte >= 0x30 && byte <= 0x39) || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
      if isWord {
        current.append(byte)
      } else if let first = current.first {
        if first > 0x39 { found.insert(String(decoding: current, as: UTF8.self)) }
        current = []
      }
    }
    return found
  }

  private static let languages = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t class compl concept
    const consteval constexpr constinit const_cast continue co_await co_return co_yield decltype default delete do
    double dynamic_cast else enum explicit export extern false float for friend goto if inline int long mutable
    namespace new noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
    requires restrict return short signed sizeof static static_assert static_cast struct switch template this
    thread_local throw true try typedef typeid typename typeof union unsigned using virtual void volatile wchar_t
    while xor xor_eq _Bool _Complex _Generic complex imaginary noreturn errno assert offsetof stdin stdout stderr
    setjmp va_list va_start main linux unix major minor makedev index rindex time clock y0 y1 yn j0 j1 jn gamma div
    exit abort free malloc memcpy memset memmove EOF NULL I M_PI B0 B50 ECHO PATH_MAX INT32_MAX UINT64_C SIZE_MAX
    size_t ptrdiff_t int32_t uint8_t st_atime sa_handler h_errno d_fileno s6_addr PRIu8 SCNd64 L_tmpnam AF_DECnet
    """.split(whereSeparator: \.isWhitespace).map(String.init)

  /// The worst names for a model of that name: words, and all that its own file is made of.
  private static func worst(_ model: String) -> [String] {
    var m = PlanBuilder(model, function: "run")
    _ = m.input("x", .f64, 3)
    let own = [
      SampleModel.plan(model), ScalarCase.plan(Array(ScalarCase.all.prefix(60)), count: 8), m.plan,
    ]
    .map { identifiers(CSource.emitC($0).source) }.reduce(Set()) { $0.union($1) }
    let bare = own.filter { $0.hasPrefix("\(model)_") }.map { String($0.dropFirst(model.utf8.count + 1)) }
    return languages + (own.union(bare)).sorted()
  }

  private static let builds: [(compiler: String, flags: [String])] = [
    ("gcc", ["-x", "c", "-std=gnu99"]), ("clang", ["-x", "c++", "-std=c++17"]),
    ("gcc", ["-x", "c++", "-std=gnu++17"]), ("clang", ["-x", "c", "-std=c11"]),
    ("gcc", ["-x", "c", "-std=c11"]), ("clang", ["-x", "c", "-std=gnu99"]),
  ]

  /// Compiles a text behind all headers in every language and with every compiler.
  private func compiles(_ text: String, _ what: String, _ flags: [String] = []) throws {
    let folder = try ScratchFolder()
    let file = try folder.write("names.c", Self.headers + text)
    for build in Build.isExhaustive ? Self.builds : Array(Self.builds.prefix(2)) {
      guard let compiler = try? CCompiler(build.compiler) else { continue }
      let (code, output) = try folder.run(
        compiler.path, build.flags + CompileTests.warnings + ["-fsyntax-only"] + flags + [file])
      #expect(code == 0, "\(what) \(build)\n\(output.prefix(3000))")
    }
  }

  /// All roles but the model's: functions, symbols, inputs, outputs, parameters, states, tensors of kernels.
  @Test func everyNameInEveryRole() throws {
    let source = CSource.emitC(HostileModel.plan("m", names: Self.worst("m"))).source
    try compiles("#define M_API static\n" + source, "names of a model m")
  }

  /// Models of short names, whose file's own names are like locals; models of the system's names; the file `x.h`.
  @Test func everyNameOfAModel() throws {
    var locals: Set<String> = []
    for name in Self.identifiers(CSource.emitC(ScalarCase.plan(ScalarCase.all, count: 8)).source) {
      if let word = name.split(separator: "_").first, name.contains("_"), word.utf8.count < 12 {
        locals.insert(String(word))
      }
    }
    let letters = "abcdefghijklmnopqrstuvwxyz".map(String.init)
    var text = ""
    var seen: Set<String> = []
    let words = letters + locals.sorted() + Self.languages + ["the", "x_y", "a_b", "math", "sem", "pthread"]
    for (row, name) in words.enumerated() where Build.isExhaustive || row % 5 == 0 || row >= words.count - 6 {
      let plan = HostileModel.plan(name, names: ["init", "open", "t", "r", "x"])
      if seen.insert(CSource.fileStem(plan)).inserted { text += CSource.emitC(plan).header }
    }
    try compiles(text, "headers of models")
    let sampled = Build.isExhaustive ? letters + locals.sorted() : ["a", "b", "sum", "is", "thread"]
    for name in sampled where name.first?.isLetter ?? false {
      let plan = ScalarCase.plan(ScalarCase.all, count: 8, named: name)
      try compiles(CSource.emitC(plan).source, "model \(name)")
    }
  }

  /// No public name of any model is a name of the system's headers, whatever its functions are called.
  @Test func noPublicNameIsTheSystems() throws {
    let declared = try Self.preprocessed(["-fsyntax-only", "-Xclang", "-ast-list"]).split(separator: "\n")
      .map(String.init)
    guard declared.count > 1000 else { return }
    let system = Set(declared.filter { !$0.contains(":") } + (try Self.macros()))
    let known = Self.identifiers(CSource.emitC(SampleModel.plan("neutral")).header)
    var functions: [String: [String]] = [:]
    for name in system.sorted() where name.first?.isLetter ?? false {
      let parts = name.split(separator: "_", maxSplits: 1).map(String.init)
      if parts.count == 2 { functions[parts[0], default: []].append(parts[1]) }
    }
    #expect(functions.count > 300)
    let models = functions.sorted { $0.key < $1.key }
    for (row, (model, names)) in models.enumerated()
    where Build.isExhaustive || row % 12 == 0 || names.count > 5 {
      var m = PlanBuilder(model, function: nil)
      for name in names {
        m.begin(name)
        _ = m.input("x", .f32, 1)
      }
      let own = Self.identifiers(Self.withoutComments(CSource.emitC(m.plan).header))
      let clashes = own.intersection(system).subtracting(known)
      #expect(clashes.isEmpty, "model \(model): \(clashes.sorted())")
    }
  }

  /// A text without what stands in comments and strings.
  static func withoutComments(_ text: String) -> String {
    var result = ""
    for (position, part) in text.components(separatedBy: "/*").enumerated() {
      let code = position == 0 ? part : part.components(separatedBy: "*/").dropFirst().joined(separator: "*/")
      result += code + "\n"
    }
    return result
  }

  /// Names that are fine stay as they are.
  @Test func goodNamesStay() {
    let names = [
      "x", "W_q", "d_model", "B", "h_prev", "in_proj", "index", "time", "step", "Wq", "x1", "query_key",
    ]
    let header = CSource.emitC(HostileModel.plan("gru", names: names)).header
    for name in names { #expect(header.contains("*\(name);") && header.contains(" gru_\(name)("), "\(name)") }
  }
}

extension String {
  /// The parts between separators; Foundation's, without Foundation.
  func components(separatedBy separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
