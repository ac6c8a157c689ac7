import Foundation
import SluiceFormats
import Testing

import enum TestSupport.Repository

/// The command line as a user meets it: exit codes, clean pipes, files.
struct CommandLineTests {
  @Test(arguments: [
    ("models", 0), ("--version", 0), ("help", 0), ("run --help", 0), ("", 64), ("nothing", 64),
    ("dump ica --unknown", 64), ("dump", 64), ("dump ica --stage x", 64), ("dump icq", 1),
    ("dump ica --set x", 64),
    ("check missing.sluice", 66), ("check ica", 0), ("check ica --set sources=x", 1),
    ("check ica --set what=1", 1), ("check ica --remarks", 0), ("check ica --remarks=memory,copy", 0),
    ("check ica --remarks=memory,nothing", 64), ("dump ica --stage plan --remarks=fuse,", 64),
    ("compile ica --remarks=fusion", 64),
    ("opt ica --passes nothing", 64), ("opt ica -O 7", 64), ("run ica", 64), ("run ica -f nothing", 1),
    ("run ica -f step", 1), ("run ica -f step --input y=1", 1), ("run ica -f step --input x=missing.npy", 66),
    ("run ica -f step --backend x", 64), ("run ica -f step --threads 0", 64),
    ("compile ica -o /proc/nothing", 74),
    ("demo nothing", 1), ("demo ica --input file.txt", 1), ("demo ica --input missing.wav", 66),
  ])
  func exitCodes(_ line: String, _ code: Int) throws {
    let outcome = try Program("sluice").run(line.split(separator: " ").map(String.init))
    #expect(outcome.code == Int32(code), "\(outcome.messages)")
    #expect(
      code == 0 ? true : outcome.output.isEmpty && !outcome.messages.isEmpty,
      "a mistake keeps standard output clean")
  }

  /// `dump`, edit, `check`, `opt`, `run`, `compile`, also through pipes.
  @Test func aDumpGoesTheWholeWay() throws {
    let sluice = try Program("sluice")
    let dump = try sluice.run(["dump", "ica"])
    #expect(dump.code == 0 && dump.messages.isEmpty)
    let edited = dump.text.replacing("module @ica", with: "module @mine")
    #expect(try sluice.run(["check", "-"], input: Array(edited.utf8)).code == 0)
    let optimised = try sluice.run(["opt", "-", "-O2"], input: Array(edited.utf8))
    #expect(optimised.code == 0 && optimised.messages.isEmpty)
    let path = "\(sluice.folder)/mine.sluice"
    try FileIO.write(optimised.output, to: path)
    let x = Npy.encode(HostTensor([1, 2] as [Float], shape: [2]))
    var results: [[UInt8]] = []
    for backend in ["interpreter", "c"] {
      let words = [
        "run", path, "-f", "step", "-i", "x=-", "-i", "rate=0.1", "-o", "w=-", "--backend", backend,
      ]
      let outcome = try sluice.run(words, input: x)
      #expect(outcome.code == 0, "\(outcome.messages)")
      results.append(outcome.output)
    }
    #expect(results[0] == results[1])
    // W = I + 0.1 ((1 - 2 g(x)) x^T + I) in closed form.
    let w = try Npy.decode(results[0], path: "-").floats()
    let wanted: [Float] = [1.0537883, -0.09242344, -0.07615942, 0.9476812]
    #expect(zip(w, wanted).allSatisfy { ($0 - $1).magnitude < 2e-7 })
    let compiled = try sluice.run(["compile", path, "-o", "build"])
    #expect(compiled.code == 0 && compiled.output.isEmpty)
    #expect(FileIO.exists("\(sluice.folder)/build/mine.c") && FileIO.exists("\(sluice.folder)/build/mine.h"))
  }

  /// `dump --stage plan` is a text that `dump`, `check`, `run` and `compile` take, and others refuse.
  @Test func aPlanGoesTheWholeWay() throws {
    let sluice = try Program("sluice")
    let plan = try sluice.run(["dump", "ica", "--stage", "plan", "-o", "ica.plan.sluice"])
    #expect(plan.code == 0, "\(plan.messages)")
    let text = try FileIO.read("\(sluice.folder)/ica.plan.sluice")
    #expect(try sluice.run(["dump", "-"], input: text).output == text)
    #expect(try sluice.run(["check", "ica.plan.sluice"]).code == 0)
    let x = Npy.encode(HostTensor([1, 2] as [Float], shape: [2]))
    func run(_ model: String, _ backend: String) throws -> [UInt8] {
      let words = [
        "run", model, "-f", "step", "-i", "x=-", "-i", "rate=0.1", "-o", "w=-", "--backend", backend,
      ]
      let outcome = try sluice.run(words, input: x)
      #expect(outcome.code == 0, "\(outcome.messages)")
      return outcome.output
    }
    let expected = try run("ica", "interpreter")
    #expect(try run("ica.plan.sluice", "interpreter") == expected)
    #expect(try run("ica.plan.sluice", "c") == expected)
    let compiled = try sluice.run(["compile", "ica.plan.sluice", "-o", "build"])
    #expect(compiled.code == 0, "\(compiled.messages)")
    let source = try String(decoding: FileIO.read("\(sluice.folder)/build/ica.c"), as: UTF8.self)
    #expect(source.contains(" ica_step("))
    for words in [
      ["opt", "ica.plan.sluice"], ["run", "ica.plan.sluice", "-f", "step", "--backend", "reference"],
      ["run", "ica.plan.sluice", "-f", "nothing"],
    ] { #expect(try sluice.run(words).code == 1) }
    #expect(try sluice.run(["compile", "ica.plan.sluice", "-f", "step"]).code == 64)
    // What the checker cannot prove is not run.
    let unsound = String(decoding: text, as: UTF8.self).replacing(
      /arena [1-9][0-9]*, at least [0-9]+/, with: "arena 64")
    let refused = try sluice.run(["run", "-", "-f", "step"], input: Array(unsound.utf8))
    #expect(refused.code == 1 && refused.messages.contains("of an arena of 64"), "\(refused.messages)")
  }

  @Test(arguments: ["graph", "plan", "c"])
  func everyStageIsPrinted(_ stage: String) throws {
    let outcome = try Program("sluice").run(["dump", "mlp", "--stage", stage, "--remarks"])
    #expect(outcome.code == 0 && outcome.output.count > 1000, "\(outcome.messages)")
  }

  /// Without a C compiler the message says what to do, and the code that something is missing here.
  @Test func aMissingCompilerIsSaid() throws {
    var environment = ProcessInfo.processInfo.environment
    environment["SLUICE_CC"] = "/nothing/cc"
    let words = ["run", "mlp", "-f", "predict", "-i", "images=0", "--backend", "c"]
    let outcome = try Program("sluice").run(words, environment: environment)
    #expect(outcome.code == 69 && outcome.output.isEmpty)
    #expect(outcome.messages.contains("SLUICE_CC names `/nothing/cc`, which is no program"))
    #expect(try Program("sluice").run(["--help"]).text.contains("69 there is no C compiler"))
  }

  /// `--remarks=KINDS` says those alone, and `--json` has them with the memory of every function.
  @Test func remarksAreChosen() throws {
    let sluice = try Program("sluice")
    let text = try sluice.run(["check", "mlp", "--remarks=memory,divide"])
    let lines = text.messages.split(separator: "\n").filter { $0.contains(" remark: ") }
    #expect(lines.contains { $0.contains("[memory, @train_step, mlp") }, "\(text.messages)")
    #expect(lines.contains { $0.contains("[divide, k") })
    #expect(lines.allSatisfy { $0.contains("[memory, ") || $0.contains("[divide, ") })

    let outcome = try sluice.run(["compile", "mlp", "-o", "build", "--json", "--remarks=fuse"])
    #expect(outcome.code == 0)
    let json = try #require(try JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any])
    #expect((json["files"] as? [Any])?.count == 2)
    let functions = try #require(json["functions"] as? [[String: Any]])
    for function in functions {
      let (peak, least) = (function["peak_bytes"] as? Int ?? -1, function["lower_bound_bytes"] as? Int ?? -1)
      #expect(least >= 0 && peak >= least)
      #expect(function["ratio"] as? Double == (least == 0 ? 1 : Double(peak) / Double(least)))
    }
    #expect(functions.contains { $0["name"] as? String == "train_step" })
    let remarks = try #require(json["remarks"] as? [[String: Any]])
    #expect(!remarks.isEmpty && remarks.allSatisfy { $0["kind"] as? String == "fuse" })
    let remark = try #require(remarks.first { ($0["scope"] as? String)?.hasPrefix("mlp/") ?? false })
    #expect((remark["file"] as? String)?.hasSuffix(".swift") == true && remark["line"] is Int)
    #expect((remark["kernel"] as? String)?.hasPrefix("k") == true && remark["function"] is String)
    #expect((remark["message"] as? String)?.hasPrefix("not fused: ") == true)
  }

  /// Inputs, states, parameters and outputs in files of arrays by name, of both formats.
  @Test(arguments: ["npz", "safetensors"])
  func arraysAreReadAndWrittenByName(_ ending: String) throws {
    let sluice = try Program("sluice")
    let text = """
      module @m
      param @w : f32[2] init ones
      state @s : f32[2]
      func @f(%x: f32[2], %k: f32[]) -> (y: f32[2], z: f32[2]) {
        %w = read @w : f32[2]
        %s = read @s : f32[2]
        %b = broadcast %k {shape = [2]} : f32[2]
        %y = fma %x, %w, %b : f32[2]
        %z = add %y, %s : f32[2]
        return %y, %z
      }
      """
    func write(_ name: String, _ tensors: [NamedTensor]) throws {
      try TensorArchive.write(tensors, to: "\(sluice.folder)/\(name).\(ending)")
    }
    let pair = HostTensor([1, 2] as [Float])
    let parameter = NamedTensor("w", HostTensor([10, 20] as [Float]))
    try FileIO.write(text, to: "\(sluice.folder)/m.sluice")
    try write("in", [NamedTensor("x", pair), NamedTensor("k", HostTensor(scalar: 0.5 as Float))])
    try write("other", [NamedTensor("a:b", pair), NamedTensor("s", HostTensor([100, 200] as [Float]))])
    try write("w", [parameter])
    try write("more", [parameter, NamedTensor("v", pair)])
    try write("flat", [NamedTensor("w", HostTensor(scalar: 1 as Float))])
    func run(_ words: [String]) throws -> Program.Outcome { try sluice.run(["run", "m.sluice"] + words) }
    func both(_ words: [String]) throws -> [Float] {
      let outcome = try run(words + ["--outputs", "out.\(ending)"])
      #expect(outcome.code == 0 && outcome.output.isEmpty, "\(outcome.messages)")
      let archive = try TensorArchive.read("\(sluice.folder)/out.\(ending)")
      #expect(archive.names.sorted() == ["y", "z"])
      return try (archive.tensor("y")?.floats() ?? []) + (archive.tensor("z")?.floats() ?? [])
    }
    #expect(try both(["-i", "in.\(ending)"]) == [1.5, 2.5, 1.5, 2.5])
    #expect(
      try both(["-i", "in.\(ending)", "-i", "k=2", "--params", "w.\(ending)", "--state", "s=other.\(ending)"])
        == [12, 42, 112, 242])
    #expect(try both(["-i", "x=other.\(ending):a:b", "-i", "k=in.\(ending)"]) == [1.5, 2.5, 1.5, 2.5])
    for (words, message) in [
      (["-i", "x=other.\(ending)"], "has no array `x`; did you mean `s`?; it has `a:b`, `s`"),
      (["-i", "other.\(ending)"], "`@f` needs the inputs `x`, `k`"),
      (["-i", "in.\(ending)", "--params", "more.\(ending)"], "the model has no parameter `v`"),
      (["-i", "in.\(ending)", "--params", "in.\(ending)"], "the model has no parameter `k`, `x`"),
      (["-i", "in.\(ending)", "--params", "flat.\(ending)"], "the parameter `@w` is f32[2], got f32[]"),
      (["-i", "in.\(ending)", "-i", "in.\(ending)"], "is in `in.\(ending)` and in a file before it"),
    ] {
      let outcome = try run(words)
      #expect(outcome.code == 1 && outcome.messages.contains(message), "\(outcome.messages)")
    }
    #expect(try run(["-i", "in.\(ending)", "--outputs", "a.npz", "--output-dir", "o"]).code == 64)
    #expect(try run(["-i", "in.\(ending)", "--outputs", "a.zip"]).code == 1)
    let compiled = try sluice.run(["compile", "m.sluice", "--params", "w.\(ending)", "--embed", "none"])
    #expect(compiled.code == 0, "\(compiled.messages)")
    #expect(try both(["-i", "in.\(ending)", "--params", "m.params"]) == [10.5, 40.5, 10.5, 40.5])
  }

  /// JSON has integers and truth values as such, whatever binary64 could hold.
  @Test func jsonIsExact() throws {
    let sluice = try Program("sluice")
    let text = """
      func @f() -> (a: i64[2], b: bool[1], c: f32[]) {
        %a = constant {value = [9007199254740993, -1]} : i64[2]
        %b = constant {value = [true]} : bool[1]
        %c = constant {value = 0.5} : f32[]
        return %a, %b, %c
      }
      """
    try FileIO.write(text, to: "\(sluice.folder)/j.sluice")
    let outcome = try sluice.run(["run", "j.sluice", "--json"])
    #expect(outcome.code == 0, "\(outcome.messages)")
    #expect(
      String(decoding: outcome.output, as: UTF8.self) == """
        {"a":{"dtype":"i64","shape":[2],"values":[9007199254740993,-1]},\
        "b":{"dtype":"bool","shape":[1],"values":[true]},"c":{"dtype":"f32","shape":[],"values":[0.5]}}

        """)
  }

  @Test func badFilesAreExplained() throws {
    let sluice = try Program("sluice")
    let whole = Npy.encode(HostTensor([1, 2] as [Float], shape: [2]))
    for (name, bytes) in [("short", Array(whole.dropLast(3))), ("none", []), ("text", Array("hello".utf8))] {
      try FileIO.write(bytes, to: "\(sluice.folder)/\(name).npy")
      let outcome = try sluice.run(["run", "ica", "-f", "step", "-i", "x=\(name).npy", "-i", "rate=1"])
      #expect(outcome.code == 1 && outcome.messages.contains("\(name).npy"), "\(outcome.messages)")
    }
    try FileIO.write(
      Npy.encode(HostTensor([1, 2, 3] as [Float], shape: [3])), to: "\(sluice.folder)/three.npy")
    let outcome = try sluice.run(["run", "ica", "-f", "step", "-i", "x=three.npy", "-i", "rate=1"])
    #expect(outcome.code == 1 && outcome.messages.contains("x"), "\(outcome.messages)")
  }

  /// The example of docs/own-models.md is this very program, and it works.
  @Test func aUsersPackageHasTheSameCommandLine() throws {
    let document = try String(decoding: FileIO.read("\(Repository.root)/docs/own-models.md"), as: UTF8.self)
    let source = try String(
      decoding: FileIO.read("\(Repository.root)/Tests/OwnModels/main.swift"), as: UTF8.self)
    #expect(document.contains("```swift\n\(source)```"))
    let program = try Program("own-models")
    #expect(try program.run(["models"]).text.contains("doubler: Twice its input."))
    let input = Npy.encode(HostTensor([1, 2, 3] as [Float], shape: [3]))
    let outcome = try program.run(["run", "doubler", "-i", "x=-", "-o", "y=-"], input: input)
    #expect(try Npy.decode(outcome.output, path: "-").floats() == [2, 4, 6], "\(outcome.messages)")
  }

  /// Numbers and arrays as inputs: what is taken, and what is refused with exit code 1.
  @Test func numbersAndArraysAsInputs() throws {
    let sluice = try Program("sluice")
    try FileIO.write(
      """
      func @f(%x: f32[]) -> f32[] {
        return %x
      }

      func @g(%x: i32[], %b: bool[]) -> i32[], bool[] {
        return %x, %b
      }

      func @h(%w: f32[N,1], %i: i32[B]) -> f32[B,1] where N <= 8, B <= 8 {
        %r = gather %w, %i : f32[B,1]
        return %r
      }

      """, to: "\(sluice.folder)/m.sluice")
    func run(_ line: String) throws -> Program.Outcome {
      try sluice.run(["run", "m.sluice", "--json"] + line.split(separator: " ").map(String.init))
    }
    for (text, value) in [
      ("0.1", "0.10000000149011612"), ("16777216", "16777216.0"), ("16777217.0", "16777216.0"),
      ("-1e-50", "-0.0"),
      ("3.4028235e38", "3.4028234663852886e+38"),
    ] {
      let outcome = try run("-f f -i x=\(text)")
      #expect(
        outcome.code == 0 && outcome.text.contains("[\(value)"), "\(text): \(outcome.text)\(outcome.messages)"
      )
    }
    #expect(try run("-f f -i x=inf").code == 0)
    for (line, message) in [
      ("-f f -i x=1e400", "the input `x`: 1e400 is no f32; infinity is `inf`"),
      ("-f f -i x=1e39", "1e39 is no f32"),
      ("-f f -i x=16777217", "16777217 is no f32; write `16777217.0` where the nearest one will do"),
      (
        "-f g -i x=2147483648 -i b=true",
        "2147483648 is no i32; it is an integer from -2147483648 to 2147483647"
      ),
      ("-f g -i x=1.5 -i b=true", "1.5 is no i32"),
      ("-f g -i x=1 -i b=2", "2 is no bool; it is `true` or `false`"),
    ] {
      let outcome = try run(line)
      #expect(outcome.code == 1 && outcome.messages.contains(message), "\(outcome.messages)")
    }
    #expect(try run("-f g -i x=-5 -i b=1").text.contains("true"))

    func write(_ tensor: HostTensor, _ name: String) throws {
      try Npy.write(tensor, to: "\(sluice.folder)/\(name).npy")
    }
    try write(HostTensor([0.5, 2.0], shape: [2, 1]), "doubles")
    try write(HostTensor([0.1, 2.0], shape: [2, 1]), "tenths")
    try write(HostTensor([1, -2] as [Int64]), "longs")
    try write(HostTensor([1, 2] as [Int64]), "outside")
    try write(HostTensor([1, 1 << 31] as [Int64]), "large")
    let taken = try run("-f h -i w=doubles.npy -i i=longs.npy")
    #expect(taken.code == 0 && taken.text.contains("[2.0,0.5]"), "\(taken.text)\(taken.messages)")
    let free = try run("-f h -i w=doubles.npy -i i=outside.npy --unchecked-indices")
    #expect(free.code == 0 && free.text.contains("[2.0,0.0]"), "\(free.text)\(free.messages)")
    for backend in ["interpreter", "c", "reference"] {
      let refused = try run("-f h -i w=doubles.npy -i i=outside.npy --backend \(backend)")
      #expect(refused.code == 1)
      #expect(refused.messages.contains("which are -2 to 1; 1 of 2 is out of range, the first at [1] is 2"))
    }
    for (line, message) in [
      (
        "-f h -i w=tenths.npy -i i=longs.npy",
        "`w` is f32, `tenths.npy` holds f64, and its element [0,0], 0.1, is no f32; convert it first, as NumPy does with "
          + "`x.astype(\"float32\")`"
      ),
      ("-f h -i w=doubles.npy -i i=large.npy", "its element [1], 2147483648, is no i32"),
    ] {
      let outcome = try run(line)
      #expect(outcome.code == 1 && outcome.messages.contains(message), "\(outcome.messages)")
    }
  }
}
