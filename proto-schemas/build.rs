//! Generates the Rust types of every `.proto` file below `lastcall/`, without a system `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

const PACKAGE_DIR: &str = "lastcall/events/v1";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PACKAGE_DIR}");
    let mut files: Vec<PathBuf> = fs::read_dir(PACKAGE_DIR)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<Result<_, _>>()?;
    files.sort();

    let descriptors = protox::compile(files, ["."])?;
    prost_build::Config::new()
        .compile_well_known_types()
        .extern_path(".google.protobuf", "::pbjson_types")
        .compile_fds(descriptors.clone())?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut json = pbjson_build::Builder::new();
    for file in descriptors.file {
        json.register_file_descriptor(file);
    }
    // A reader that is older than the writer must not choke on a field that was added since.
    json.ignore_unknown_fields();
    json.out_dir(Path::new(&out)).build(&[".lastcall"])?;
    Ok(())
}
