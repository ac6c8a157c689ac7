// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// A module of `Sources/`; it may import only the modules named here.
func module(_ name: String, uses dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of `Tests/<name>`.
func tests(_ name: String, uses dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .testTarget(name: name, dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
  name: "Sluice",
  products: [
    .executable(name: "sluice", targets: ["sluice"]),
    .library(name: "Sluice", targets: ["Sluice"]),
    .library(name: "SluiceCommandLine", targets: ["SluiceCommandLine"]),
  ],
  // Bottom-up: a module imports only what stands above it.
  targets: [
    module("SluiceIR"),
    module("SluiceFormats", uses: ["SluiceIR"]),
    module("SluiceText", uses: ["SluiceIR"]),
    module("SluicePasses", uses: ["SluiceIR"]),
    module("SluiceReference", uses: ["SluiceIR", "SluiceFormats", "SluicePasses"]),
    module("SluicePlan", uses: ["SluiceIR", "SluiceText", "SluicePasses"]),
    module("SluiceInterpreter", uses: ["SluiceIR", "SluiceFormats", "SluicePlan"]),
    module("SluiceC", uses: ["SluiceIR", "SluiceFormats", "SluicePlan"]),
    module(
      "Sluice",
      uses: [
        "SluiceIR", "SluiceFormats", "SluiceText", "SluicePasses", "SluiceReference", "SluicePlan",
        "SluiceInterpreter", "SluiceC",
      ]),
    .target(
      name: "SluiceData", exclude: ["Data"],
      cSettings: [.disableWarning("c23-extensions"), .treatAllWarnings(as: .error)]),
    module("SluiceModels", uses: ["Sluice", "SluiceData", "SluiceFormats"]),
    module(
      "SluiceCommandLine",
      uses: [
        "Sluice", "SluiceIR", "SluiceFormats", "SluiceText", "SluicePasses", "SluiceReference", "SluicePlan",
        "SluiceInterpreter", "SluiceC",
      ]),
    .executableTarget(
      name: "sluice",
      dependencies: [
        "Sluice", "SluiceCommandLine", "SluiceFormats", "SluiceIR", "SluiceModels", "SluiceText",
      ],
      path: "Tools/sluice", swiftSettings: settings),
    // Run by Tools/bench.
    .executableTarget(
      name: "sluice-bench",
      dependencies: [
        "Sluice", "SluiceC", "SluiceFormats", "SluiceIR", "SluiceModels", "SluicePasses", "SluicePlan",
        "SluiceText",
      ],
      path: "Tools/benchmark", exclude: ["peers"], swiftSettings: settings),
    .target(
      name: "TestSupport",
      dependencies: [
        "SluiceC", "SluiceFormats", "SluiceIR", "SluiceInterpreter", "SluicePasses", "SluicePlan",
        "SluiceReference", "SluiceText",
      ], path: "Tests/TestSupport", swiftSettings: settings),
    // The example of docs/own-models.md, built and run by CommandLineTests.
    .executableTarget(
      name: "own-models", dependencies: ["Sluice", "SluiceCommandLine"], path: "Tests/OwnModels",
      swiftSettings: settings),
    tests("SluiceIRTests", uses: ["SluiceIR"]),
    tests("SluiceFormatsTests", uses: ["SluiceFormats", "SluiceIR", "TestSupport"]),
    tests("SluiceTextTests", uses: ["SluiceIR", "SluiceText", "TestSupport"]),
    tests("SluicePassesTests", uses: ["SluiceIR", "SluicePasses", "SluiceText", "TestSupport"]),
    tests(
      "SluiceReferenceTests",
      uses: ["SluiceFormats", "SluiceIR", "SluicePasses", "SluiceReference", "SluiceText"]),
    tests(
      "SluicePlanTests",
      uses: ["SluiceFormats", "SluiceIR", "SluicePasses", "SluicePlan", "SluiceText", "TestSupport"]),
    tests(
      "SluiceInterpreterTests",
      uses: ["SluiceFormats", "SluiceIR", "SluiceInterpreter", "SluicePlan", "TestSupport"]),
    tests(
      "SluiceCTests",
      uses: [
        "SluiceC", "SluiceFormats", "SluiceIR", "SluicePasses", "SluicePlan", "SluiceText", "TestSupport",
      ],
      exclude: ["Drivers", "Goldens"]),
    tests(
      "SluiceTests",
      uses: [
        "Sluice", "SluiceFormats", "SluiceIR", "SluiceModels", "SluicePasses", "SluicePlan",
        "SluiceReference", "SluiceText",
      ]),
    tests(
      "FileTests",
      uses: [
        "SluiceC", "SluiceFormats", "SluiceIR", "SluiceInterpreter", "SluicePasses", "SluicePlan",
        "SluiceReference", "SluiceText",
        "TestSupport",
      ]),
    tests(
      "ConformanceTests",
      uses: [
        "SluiceC", "SluiceFormats", "SluiceIR", "SluicePasses", "SluicePlan", "SluiceReference", "SluiceText",
        "TestSupport",
      ]),
    tests(
      "ModelTests",
      uses: [
        "Sluice", "SluiceC", "SluiceFormats", "SluiceIR", "SluiceInterpreter", "SluiceModels", "SluicePasses",
        "SluicePlan", "SluiceReference", "SluiceText", "TestSupport",
      ]),
    tests(
      "BenchmarkTests",
      uses: ["sluice-bench", "Sluice", "SluiceModels", "SluicePlan", "SluiceText"]),
    tests(
      "CommandLineTests",
      uses: [
        "Sluice", "SluiceC", "SluiceCommandLine", "SluiceFormats", "SluiceIR", "SluiceModels", "SluicePlan",
        "SluiceText", "TestSupport",
      ]),
  ]
)
