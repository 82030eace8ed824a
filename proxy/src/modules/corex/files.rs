//! `file_read()` and `file_write()`: whole files, read and written at once.
//!
//! A shard waits for the disk meanwhile, as a worker of the original does; what is read is bounded.

use std::fs::File;
use std::io::Read;

use crate::api::{Args, Ctx, Flow, Level, Value};

/// Bytes of a file that a variable takes at most.
const LONGEST: u64 = 1 << 20;

/// `file_read(path, variable)`; -1 when it cannot be read.
pub(super) fn read(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let path = args.value(ctx, 0).to_display();
    let mut text = Vec::new();
    if let Err(error) = File::open(&path).and_then(|file| file.take(LONGEST).read_to_end(&mut text)) {
        ctx.log(Level::ERR, format!("file_read: {path}: {error}"));
        return Flow::FALSE;
    }
    let stored = args.pv(1).map(|pv| pv.set(ctx, Value::Str(text.into())));
    Flow::from_bool(matches!(stored, Some(Ok(()))))
}

/// `file_write(path, text)`; what the file had is gone. -1 when it cannot be written.
pub(super) fn write(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (path, text) = (args.value(ctx, 0).to_display(), args.text(ctx, 1));
    match std::fs::write(&path, &text) {
        Ok(()) => Flow::TRUE,
        Err(error) => {
            ctx.log(Level::ERR, format!("file_write: {path}: {error}"));
            Flow::FALSE
        }
    }
}
