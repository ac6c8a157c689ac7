// The names of other modules that a model needs, so that `import Sluice` alone is enough to write one. The imports
// are of single names: `SluiceIR.Module`, what a model becomes, would hide behind the protocol `Module`.
@_exported public import struct SluiceFormats.HostTensor
@_exported public import enum SluiceIR.DType
@_exported public import struct SluiceIR.Diagnostic
@_exported public import struct SluiceIR.Diagnostics
public import struct SluiceIR.Module

/// What a model becomes: variables and graphs.
public typealias IRModule = SluiceIR.Module
