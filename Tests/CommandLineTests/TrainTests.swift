import Foundation
import Sluice
import SluiceFormats
import SluiceText
import Testing

import enum TestSupport.Repository

/// `sluice train`: what a run computes, keeps, and says.
struct TrainTests {
  static let models = "\(Repository.root)/Tests/Data/train"

  /// A program beside data for `perceptron` and `bigram`.
  private func program() throws -> Program {
    let sluice = try Program("sluice")
    var points: [Float] = []
    for index in 0..<100 {
      points += [Float((index * 37) % 101) / 50 - 1, Float((index * 53) % 97) / 48 - 1]
    }
    let labels = (0..<100).map { Int32(points[2 * $0] * points[2 * $0 + 1] > 0 ? 1 : 0) }
    try Npz.write(
      [
        NamedTensor("points", HostTensor(points, shape: [100, 2])), NamedTensor("labels", HostTensor(labels)),
      ],
      to: "\(sluice.folder)/data.npz")
    let text = String(repeating: "in the beginning was the word. ", count: 30)
    try FileIO.write(text, to: "\(sluice.folder)/text.txt")
    return sluice
  }

  private static let perceptron = [
    "train", "\(models)/perceptron.sluice", "--data", "data.npz", "--batch", "8",
  ]
  private static let bigram = [
    "train", "\(models)/bigram.sluice", "--data", "tokens=text.txt", "-i", "rate=0.5", "--length", "12",
  ]

  /// The texts that the tests and docs/c-api.md use have the variables and functions of the models.
  @Test func textsAreThoseOfTheModels() throws {
    func signatures(_ text: String) -> [Substring] {
      text.split(separator: "\n").filter { line in
        ["param ", "state ", "func "].contains { line.hasPrefix($0) }
      }
    }
    for model in [TrainModels.perceptron, TrainModels.bigram] {
      let path = "\(Self.models)/\(model.name).sluice"
      let text = printModule(try model.trace())
      if Repository.blesses { try FileIO.write(text, to: path) }
      let seen = signatures(try String(decoding: FileIO.read(path), as: UTF8.self))
      #expect(seen == signatures(text), "BLESS=1 rewrites \(path)")
    }
  }

  // MARK: The same bits

  /// 12 steps give the same checkpoint as 5 and 7, on both backends and with threads, for both kinds of data.
  @Test(arguments: [perceptron, bigram], ["safetensors", "npz"])
  func resumedRunsGiveTheSameBits(_ words: [String], _ ending: String) throws {
    let sluice = try program()
    let every = words + ["--validate-every", "3", "--checkpoint-every", "4"]
    func train(_ file: String, _ more: [String]) throws -> [UInt8] {
      let outcome = try sluice.run(every + ["--checkpoint", "\(file).\(ending)"] + more)
      #expect(outcome.code == 0, "\(outcome.messages)")
      return try FileIO.read("\(sluice.folder)/\(file).\(ending)")
    }
    let whole = try train("whole", ["--steps", "12", "--seed", "7"])
    #expect(try train("plain", ["--steps", "12", "--seed", "7", "--backend", "interpreter"]) == whole)
    #expect(try train("threads", ["--steps", "12", "--seed", "7", "--threads", "2"]) == whole)
    #expect(try train("part", ["--steps", "5", "--seed", "7"]) != whole)
    #expect(try train("part", ["--steps", "12", "--resume"]) == whole)
    #expect(try train("other", ["--steps", "12", "--seed", "8"]) != whole)
  }

  /// A run that is killed loses what came after its last checkpoint, and nothing else.
  @Test func killedRunsAreResumed() throws {
    let sluice = try program()
    let words = Self.perceptron + ["--checkpoint-every", "5", "--validate-every", "50"]
    let process = try sluice.start(words + ["--steps", "1000000", "--checkpoint", "a.safetensors"])
    let path = "\(sluice.folder)/a.safetensors"
    while try step(path) < 20, process.isRunning { usleep(2000) }
    end(process, by: SIGKILL)
    let reached = try step(path)
    #expect(reached >= 20 && reached % 5 == 0)
    let steps = "\(reached + 13)"
    let resumed = try sluice.run(words + ["--steps", steps, "--checkpoint", "a.safetensors", "--resume"])
    #expect(resumed.code == 0 && resumed.messages.contains("goes on after step \(reached)"), "\(resumed)")
    #expect(try sluice.run(words + ["--steps", steps, "--checkpoint", "b.safetensors"]).code == 0)
    #expect(try FileIO.read(path) == FileIO.read("\(sluice.folder)/b.safetensors"))
  }

  /// Sends a signal and waits; what does not end within 20 seconds is killed.
  private func end(_ process: Process, by signal: Int32) {
    kill(process.processIdentifier, signal)
    for _ in 0..<2000 where process.isRunning { usleep(10000) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }

  /// The step of a checkpoint; -1 while there is none.
  private func step(_ path: String) throws -> Int64 {
    guard FileIO.exists(path) else { return -1 }
    return try TensorArchive.read(path).tensor("training/step")?.int64s()[0] ?? -1
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func signalsSaveACheckpoint(_ signal: Int32) throws {
    let sluice = try program()
    let process = try sluice.start(
      Self.perceptron + ["--steps", "1000000", "--checkpoint", "a.npz", "--log", "a.csv"])
    while try step("\(sluice.folder)/a.npz") < 0, process.isRunning { usleep(2000) }
    usleep(50000)
    end(process, by: signal)
    let messages = try String(decoding: FileIO.read("\(sluice.folder)/messages"), as: UTF8.self)
    #expect(process.terminationReason == .exit && process.terminationStatus == 128 + signal, "\(messages)")
    #expect(messages.contains("ended by a signal; `a.npz` has all"))
    let log = try String(decoding: FileIO.read("\(sluice.folder)/a.csv"), as: UTF8.self)
    #expect(try step("\(sluice.folder)/a.npz") == Int64(log.split(separator: "\n").count - 1))
  }

  // MARK: Data

  /// An epoch takes every example that is not held out once, epochs differ, and every step has another seed.
  @Test func epochsTakeEveryExampleOnce() throws {
    let numbers = HostTensor((0..<50).map { Int32($0) })
    var options = Trainer.Options()
    options.batch = 5
    var trainer = try Trainer(
      TrainModels.counter.trace(), data: ["numbers": numbers], options: options, backend: .interpreter)
    #expect(trainer.trainingCount == 45 && trainer.heldOutCount == 5 && trainer.stepsPerEpoch == 9)
    var seeds: Set<Int64> = []
    for epoch in 1...3 {
      for _ in 0..<9 {
        try trainer.advance()
        seeds.insert(try trainer.session.state("seed").int64s()[0])
      }
      let seen = try trainer.session.state("seen").floats()
      #expect(seen.filter { $0 == Float(epoch) }.count == 45 && seen.filter { $0 == 0 }.count == 5)
    }
    #expect(seeds.count == 27)
    // The held-out part: its mean, in one batch of 5.
    let held = try unseen(trainer)
    #expect(try trainer.validate() == Double(held.reduce(0, +)) / 5)
    // Another seed trains on the same examples, in another order.
    options.seed = 1
    var other = try Trainer(
      TrainModels.counter.trace(), data: ["numbers": numbers], options: options, backend: .interpreter)
    for _ in 0..<9 { try other.advance() }
    #expect(try unseen(other) == held)
    #expect(try other.session.state("seed") != trainer.session.state("seed"))
  }

  /// The numbers that a run of `counter` has not seen.
  private func unseen(_ trainer: Trainer) throws -> [Int] {
    let seen = try trainer.session.state("seen").floats()
    return seen.indices.filter { seen[$0] == 0 }
  }

  /// Losses fall, the log has a row a step, the picture is well formed, and the checkpoint is read by `run`.
  @Test func aRunLearnsAndReports() throws {
    let sluice = try program()
    let outcome = try sluice.run(
      Self.perceptron + [
        "--steps", "150", "--checkpoint", "a.safetensors", "--log", "a.csv", "--curve", "a.svg", "--json",
        "--validate-every", "50",
      ])
    #expect(outcome.code == 0, "\(outcome.messages)")
    #expect(outcome.messages.contains("90 examples to train on, 10 held out; batch 8, 11 steps an epoch"))
    #expect(
      outcome.text.hasPrefix("{\"steps\":150,\"loss\":") && outcome.text.contains("\"validation_loss\":"))
    func text(_ name: String) throws -> String {
      try String(decoding: FileIO.read("\(sluice.folder)/\(name)"), as: UTF8.self)
    }
    let rows = try text("a.csv").split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    #expect(rows.count == 151 && rows[0] == ["step", "loss", "validation_loss"])
    #expect(rows.dropFirst().filter { !$0[2].isEmpty }.map { $0[0] } == ["50", "100", "150"])
    let losses = rows.dropFirst().compactMap { Double($0[1]) }
    let (first, last) = (losses.prefix(20).reduce(0, +), losses.suffix(20).reduce(0, +))
    #expect(last < 0.6 * first)
    let picture = try text("a.svg")
    #expect(picture.hasPrefix("<svg ") && picture.hasSuffix("</svg>\n") && picture.contains("validation"))
    #expect(!picture.contains("nan") && !picture.contains("inf"))
    #expect(
      try sluice.run(
        Self.perceptron + ["--steps", "3", "--log", "a.json", "--curve", "a.png"]
      ).code == 0)
    let pixels = try Png.read("\(sluice.folder)/a.png")
    #expect(pixels.width == 720 && pixels.height == 400 && Set(pixels.samples).count > 5)
    let objects = try JSONSerialization.jsonObject(with: Data(text("a.json").utf8)) as? [[String: Any]]
    #expect(objects?.count == 3 && objects?[2]["validation_loss"] != nil)
    // What it learned, by states and by parameters.
    let model = "\(Self.models)/perceptron.sluice"
    for option in ["--state", "--params"] {
      let predicted = try sluice.run(
        ["run", model, "-f", "predict", "-i", "data.npz", option, "a.safetensors", "-o", "label=l.npy"])
      #expect(predicted.code == 0, "\(predicted.messages)")
      let labels = try Npz.read("\(sluice.folder)/data.npz").tensor("labels")?.int32s() ?? []
      let seen = try Npy.read("\(sluice.folder)/l.npy").int32s()
      #expect(zip(labels, seen).filter { $0 == $1 }.count >= 90)
    }
  }

  /// What `@init` writes, saved and loaded, is what a session with that seed begins with.
  @Test(arguments: ["npz", "safetensors"])
  func statesAreSavedAndLoadedWhole(_ ending: String) throws {
    let sluice = try program()
    let model = "\(Self.models)/perceptron.sluice"
    func loss(_ more: [String]) throws -> [UInt8] {
      let outcome = try sluice.run(["run", model, "-f", "loss", "-i", "data.npz", "-o", "loss=-"] + more)
      #expect(outcome.code == 0, "\(outcome.messages)")
      return outcome.output
    }
    let made = try sluice.run(["run", model, "-f", "init", "-i", "seed=3", "--state-output", "s.\(ending)"])
    #expect(made.code == 0, "\(made.messages)")
    #expect(try loss(["--state", "s.\(ending)"]) == loss(["--seed", "3"]))
    #expect(try loss(["--state", "s.\(ending)"]) != loss([]))
    // Every name, dtype and shape must fit.
    let arrays = try Session(TrainModels.perceptron).variables()
    let short = Array(arrays.dropLast())
    let odd = short + [NamedTensor(arrays[arrays.count - 1].name, HostTensor([1, 2, 3] as [Float]))]
    for (content, message) in [
      (short, "there is no array for the variable `@adamw.v.output.bias`"),
      (odd, "the variable `@adamw.v.output.bias` is f32[2], got f32[3]"),
      (arrays + [NamedTensor("more", HostTensor(scalar: 1 as Float))], "no parameter or state `more`"),
    ] {
      try TensorArchive.write(content, to: "\(sluice.folder)/odd.\(ending)")
      let outcome = try sluice.run(
        ["run", model, "-f", "loss", "-i", "data.npz", "--state", "odd.\(ending)"])
      #expect(outcome.code == 1 && outcome.messages.contains(message), "\(outcome.messages)")
    }
  }

  // MARK: Mistakes

  private static let mistakes: [(words: String, code: Int32, message: String)] = [
    ("--data data.npz", 64, "give one of `--steps N` and `--epochs N`"),
    ("--data data.npz --steps 1 --epochs 1", 64, "give one of"),
    ("--data data.npz --steps 0", 64, "an integer from 1"),
    ("--steps 1", 1, "there is no data for the input `points` of `@train_step`, f32[B,2]"),
    ("--data x=data.npz --steps 1", 1, "`@train_step` has no input `x`"),
    ("--data points=data.npz:y --steps 1", 1, "has no array `y`"),
    ("--data points=none.npy --steps 1", 66, "none.npy"),
    ("--data points=nothing --steps 1", 66, "there is no such file; the data that ship are `digits`"),
    ("--data nothing --steps 1", 64, "write it as `--data NAME=nothing`"),
    ("--data digits --steps 1", 1, "there is no data for the input `points` of `@train_step`, f32[B,2]"),
    ("--data points=digits --steps 1", 1, "the data set `digits` has no array `points`"),
    ("--data points=digits:images --data labels=digits --steps 1", 1, "examples [8,8], the model takes [2]"),
    ("--data labels=digits --data points=data.npz --steps 1", 1, "has 100 examples, `labels` has 1797"),
    ("--data data.npz --batch 500 --steps 1", 1, "a batch of 500: `@train_step` takes 1 to 256 examples"),
    ("--data data.npz --batch 99 --steps 1 --hold-out 0", 0, ""),
    ("--data data.npz --batch 101 --steps 1", 1, "there are 100 examples, fewer than a batch of 101"),
    ("--data data.npz --batch 99 --hold-out 50 --steps 1", 1, "50 of 100 for validation"),
    ("--data data.npz --hold-out 100 --steps 1", 64, "percent from 0 to less than 100"),
    ("--data data.npz --length 3 --steps 1", 1, "the length is for windows of a sequence"),
    ("--data data.npz -i rate=1 --steps 1", 1, "`@train_step` has no input `rate`"),
    ("--data data.npz --steps 1 --checkpoint a.bin", 64, "`.safetensors` or `.npz`"),
    ("--data data.npz --steps 1 --log a.txt", 64, "`.csv` or `.json`"),
    ("--data data.npz --steps 1 --curve a.gif", 64, "`.svg` or `.png`"),
    ("--data data.npz --steps 1 --checkpoint /proc/nothing/a.npz", 74, "/proc/nothing/a.npz"),
    ("--data data.npz --steps 1 --checkpoint data.npz", 1, "`data.npz` exists; `--resume`"),
    ("--data data.npz --steps 1 --resume", 64, "`--checkpoint FILE --resume`"),
    ("--data data.npz --steps 1 --checkpoint none.npz --resume", 66, "none.npz"),
    ("--data data.npz --steps 1 --checkpoint data.npz --resume", 1, "is no checkpoint of a training"),
    ("--data data.npz --steps 1 --params data.npz", 1, "the model has no parameter"),
    ("--data data.npz --steps 9 --checkpoint old.npz --resume --batch 9", 1, "trained with batch 8, not 9"),
    ("--data data.npz --steps 9 --checkpoint old.npz --resume --seed 9", 1, "trained with seed 0, not 9"),
    ("--data more.npz --steps 9 --checkpoint old.npz --resume", 1, "was trained on other data"),
    ("--data data.npz --steps 1 --checkpoint old.npz --resume", 0, "goes on after step 2"),
  ]

  @Test func mistakesAreExplained() throws {
    let sluice = try program()
    let made = try sluice.run(Self.perceptron + ["--steps", "2", "--checkpoint", "old.npz"])
    #expect(made.code == 0, "\(made.messages)")
    let points = try #require(try Npz.read("\(sluice.folder)/data.npz").tensor("points"))
    let labels = NamedTensor("labels", HostTensor([Int32](repeating: 1, count: 100)))
    try Npz.write([NamedTensor("points", points), labels], to: "\(sluice.folder)/more.npz")
    for (words, code, message) in Self.mistakes {
      let outcome = try sluice.run(
        ["train", "\(Self.models)/perceptron.sluice", "--backend", "interpreter"]
          + words.split(separator: " ").map(String.init))
      #expect(
        outcome.code == code && (message.isEmpty || outcome.messages.contains(message)),
        "\(words): \(outcome.code) \(outcome.messages)")
      #expect(outcome.output.isEmpty)
    }
  }

  @Test(arguments: [
    ("@f(%x: f32[]) -> (x: f32[])", "", "has no function `@train_step`"),
    ("@train_step(%x: f32[]) -> (loss: f32[])", "", "writes no parameter and no state"),
    (
      "@train_step(%x: f32[2]) -> (loss: f32[2])", ", @s = %x",
      "the first output of `@train_step` is the loss, a float scalar; got f32[2]"
    ),
    (
      "@train_step(%x: f32[]) -> (loss: f32[])", ", @s = %x",
      "the input `x` of `@train_step` is a scalar, the same in every step, not data"
    ),
  ])
  func modelsThatCannotBeTrained(_ signature: String, _ writes: String, _ message: String) throws {
    let sluice = try program()
    let type = signature.contains("[2]") ? "f32[2]" : "f32[]"
    let text = """
      module @m
      state @s : \(type)
      func \(signature) {
        return %x\(writes)
      }
      """
    try FileIO.write(text, to: "\(sluice.folder)/m.sluice")
    let outcome = try sluice.run(["train", "m.sluice", "--data", "x=data.npz:points", "--steps", "1"])
    #expect(outcome.code == 1 && outcome.messages.contains(message), "\(outcome.messages)")
  }

  /// A loss that is no number ends the run; the checkpoint stays as it was.
  @Test func lossesThatAreNoNumbersEndTheRun() throws {
    let sluice = try program()
    let words = Self.bigram.map { $0 == "rate=0.5" ? "rate=1e38" : $0 }
    let outcome = try sluice.run(words + ["--steps", "50", "--checkpoint", "a.npz"])
    #expect(outcome.code == 1 && outcome.messages.contains("has the run up to step 0"), "\(outcome.messages)")
    #expect(try step("\(sluice.folder)/a.npz") == 0)
  }

  /// Tokens beyond the vocabulary, of the model that ships and of the one that masks some by random numbers.
  @Test(arguments: ["gpt", "bert"]) func tokensBeyondTheVocabulary(_ model: String) throws {
    let sluice = try Program("sluice")
    let archive = "\(sluice.folder)/data.npz"
    let tokens = (0..<64 * 8).map { Int32(4 + $0 % 40) }
    func train(_ numbers: [Int32], _ more: [String] = []) throws -> Program.Outcome {
      let zeros = [Int32](repeating: 0, count: 64 * 8)
      try Npz.write(
        [
          NamedTensor("tokens", HostTensor(numbers, shape: [64, 8])),
          NamedTensor("segments", HostTensor(zeros, shape: [64, 8])),
          NamedTensor("follows", HostTensor([Int32](repeating: 1, count: 64))),
        ], to: archive)
      let sizes = ["--set", "vocabulary=64", "--set", "context=7"]
      return try sluice.run(
        ["train", model, "--data", "data.npz", "--steps", "1", "--backend", "interpreter", "--batch", "2"]
          + (model == "gpt" ? sizes : ["--set", "vocabulary=64", "--set", "context=8"]) + more)
    }
    var wrong = tokens
    wrong[19] = 64
    let refused = try train(wrong)
    #expect(refused.code == 1)
    #expect(
      refused.messages.contains("the data `tokens` has indices into 64 elements (`gather`, SluiceModels/"))
    #expect(refused.messages.contains("the first at [2,3] is 64"), "\(refused.messages)")
  }
}
