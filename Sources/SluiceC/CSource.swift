public import SluicePlan

/// The C backend: a plan as one C file that stands alone, and its header.
public enum CSource {
  /// The version of the layout of structs and of the parameters file; it changes when generated files no longer
  /// fit together.
  public static let abiVersion = 1

  /// Choices of generated C.
  public struct Options: Sendable {
    /// Where the parameters are.
    public enum Parameters: Sendable {
      /// In a file or in memory that the caller names in the context.
      case external
      /// In the C file, as a table of these bytes; the caller may still name others.
      case embedded([UInt8])
    }

    /// How the state gets its first values.
    public enum InitialState: Sendable, Hashable {
      /// The function `reset` writes them.
      case reset
      /// The function of the model of this name writes all of them; there is no `reset`.
      case function(String)
      /// They are in a file, `MODEL.state`, the block as it is; there is no `reset`.
      case file
    }

    /// The version of the tool, for the banner and `TOOL_VERSION`.
    public var toolVersion = "0.1.0"
    /// A hash of the model's text, for the banner and `GRAPH_HASH`; nil takes a hash of the plan.
    public var graphHash: UInt64?
    /// Where the parameters are.
    public var parameters = Parameters.external
    /// How the state gets its first values.
    public var initialState = InitialState.reset
    /// The block of states that `reset` writes, `ModulePlan.stateBytes` long; nil is all zeros.
    public var states: [UInt8]?
    /// What functions give for fixed inputs, for the self-test behind the macro `MODEL_SELF_TEST`.
    ///
    /// Nothing: there is no self-test.
    public var selfTest: [SelfTest.Row] = []
    /// A function of the plan, without inputs and results, that becomes a part of `reset`.
    public var drawing: String?
    /// The states that this function writes; they are not taken from `states`.
    public var drawnStates: Set<String> = []

    /// The usual choices: external parameters, states that begin with zeros.
    public init() {}
  }

  /// The C file of a plan and its header; the same plan and options give the same text.
  ///
  /// The source contains the header's text, so it builds without it. Blocks of bytes in the options must have
  /// the sizes that the plan says.
  public static func emitC(
    _ plan: ModulePlan, options: Options = Options()
  ) -> (source: String, header: String) {
    precondition(plan.parameterBytes % 64 == 0, "the block of parameters is not a multiple of 64 bytes")
    if case .embedded(let bytes) = options.parameters {
      precondition(
        bytes.count == plan.parameterBytes, "the embedded parameters have another size than the plan says")
    }
    precondition(
      options.states.map { $0.count == plan.stateBytes } ?? true,
      "the states have another size than the plan says")
    return CFile(CModel(plan, options)).emit()
  }
}

extension CSource {
  /// The name that the files of a plan share: the module's name as a C identifier.
  public static func fileStem(_ plan: ModulePlan) -> String { CModel(plan, Options()).name }
}
