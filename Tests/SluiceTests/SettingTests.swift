import Sluice
import Testing

/// Settings: what `--set name=value` does.
@Suite struct SettingTests {
  private static let model = Model("m", "A summary\nof two lines.") { model in
    let layers = model.setting("layers", default: 2, in: 1...8, "how many layers")
    let rate = model.setting("rate", default: 0.5, in: 0...1, "the rate")
    let flag = model.setting("flag", default: false)
    let kind = model.setting("kind", default: "relu", oneOf: ["relu", "tanh"], "which function")
    let free = model.setting("free", default: "")
    let count = model.setting("count", default: -1)
    model.function("f", "\(layers) \(rate) \(flag) \(kind) \(free) \(count)") { f in f.output("y", zeros([]))
    }
  }

  private func comment(_ settings: [String: String]) throws -> Substring? {
    try text(of: Self.model.trace(settings: settings)).split(separator: "\n").last { $0.hasPrefix("// ") }
  }

  @Test func values() throws {
    #expect(try comment([:]) == "// 2 0.5 false relu  -1")
    let all = ["layers": "8", "rate": "1e-3", "flag": "true", "kind": "tanh", "free": "a b", "count": "-7"]
    #expect(try comment(all) == "// 8 0.001 true tanh a b -7")
  }

  @Test func declarations() throws {
    let found = try mistakes { model in
      _ = model.setting("layers", default: 9, in: 1...8)  // integer: setting^("layers
      _ = model.setting("rate", default: .nan)  // number: setting^("rate", default: .nan
      _ = model.setting("part", default: 1.5, in: 0...1)  // part: setting^("part
      _ = model.setting("kind", default: "gelu", oneOf: ["relu", "tanh"])  // kind: setting^("kind
      _ = model.setting("rate", default: false)  // twice: setting^("rate", default: false
      model.function("f") { f in f.output("y", zeros([])) }
    }
    #expect(
      found == [
        "integer: the setting `layers` is an integer in 1...8, but 9 when it is not set",
        "number: the setting `rate` is a finite number, but nan when it is not set",
        "part: the setting `part` is a number in 0.0...1.0, but 1.5 when it is not set",
        "kind: the setting `kind` is one of `relu`, `tanh`, but gelu when it is not set",
        "twice: two settings are named `rate`", "- declare it once and hand its value on",
      ])
  }

  @Test func list() {
    let settings = Self.model.settings()
    #expect(settings.map(\.name) == ["layers", "rate", "flag", "kind", "free", "count"])
    #expect(settings.map(\.defaultValue) == ["2", "0.5", "false", "relu", "", "-1"])
    #expect(
      settings.map(\.values) == [
        "an integer in 1...8", "a number in 0.0...1.0", "`true` or `false`", "one of `relu`, `tanh`",
        "a text",
        "an integer",
      ])
    #expect(settings[0].summary == "how many layers")
  }

  @Test(arguments: [
    ("layers", "9", "the setting `layers` is an integer in 1...8, got `9`"),
    ("layers", "two", "the setting `layers` is an integer in 1...8, got `two`"),
    ("rate", "nan", "the setting `rate` is a number in 0.0...1.0, got `nan`"),
    ("flag", "yes", "the setting `flag` is `true` or `false`, got `yes`"),
    ("kind", "gelu", "the setting `kind` is one of `relu`, `tanh`, got `gelu`"),
    ("layer", "3", "the model `m` has no setting `layer`"),
  ])
  func wrong(_ name: String, _ value: String, _ message: String) {
    #expect {
      try Self.model.trace(settings: [name: value])
    } throws: { error in
      let all = (error as? Diagnostics)?.all ?? []
      return all.map(\.message) == [message] && all[0].place == nil
        && all[0].notes.map(\.message) == [
          "`layers` is an integer in 1...8, 2 when not set: how many layers",
          "`rate` is a number in 0.0...1.0, 0.5 when not set: the rate",
          "`flag` is `true` or `false`, false when not set",
          "`kind` is one of `relu`, `tanh`, relu when not set: which function",
          "`free` is a text,  when not set",
          "`count` is an integer, -1 when not set",
        ]
    }
  }

  @Test func mistakesOfSettingsAndModelTogether() throws {
    let found = try mistakes(settings: ["depth": "3", "width": "x"]) { model in
      let width = model.setting("width", default: 2)
      model.function("f") { f in
        f.output("y", zeros([Dim(width), 3]).matmul(ones([2])))  // matmul: .matmul^(
      }
    }
    #expect(
      found == [
        "nowhere: the setting `width` is an integer, got `x`", "- `width` is an integer, 2 when not set",
        "nowhere: the model `m` has no setting `depth`", "- `width` is an integer, 2 when not set",
        "matmul: `matmul`: inner dims differ, 3 and 2: f32[2,3] x f32[2]", "- `.T` swaps the last two axes",
      ])
  }
}
