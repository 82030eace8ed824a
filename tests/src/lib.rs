//! End-to-end harness: starts the programs and their peers, runs the cases below `cases/`.
