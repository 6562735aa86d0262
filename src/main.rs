//! Arguments, the real world, nothing else.

fn main() -> std::process::ExitCode {
    xinyin::cli::main()
}
