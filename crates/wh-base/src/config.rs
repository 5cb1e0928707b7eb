//! Configuration: file, then environment, then flags; wrong keys are named with line and nearest valid key.
