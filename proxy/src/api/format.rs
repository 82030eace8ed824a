//! Reads variables and texts with variables (`"to $rU via $(hdr(Via)[1]{s.len})"`) into their compiled forms.
//!
//! Errors carry the offset in the text and the nearest known name. Used by the script compiler for every
//! text and variable of a configuration, and by modules for texts in their parameters.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sip::diag::nearest;

use super::catalog::Catalog;
use super::def::{Indexing, InnerKind, PvDef, TransformDef, TransformKind};
use super::pv::{Index, Inner, Pv, PvArg, Transform, TransformArg};
use super::text::{Part, Text};
use super::value::parse_int;

/// Why a text or variable cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// Byte offset in the text given.
    pub offset: usize,
    /// What is wrong and what was expected.
    pub message: String,
    /// The nearest known name.
    pub hint: Option<String>,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, ", {hint}"),
            None => Ok(()),
        }
    }
}

impl Catalog {
    /// Compiles a text: `$$` is a dollar, any other `$` must start a known variable.
    pub fn text(&self, text: &[u8]) -> Result<Text, FormatError> {
        let mut reader = Reader { catalog: self, text, at: 0 };
        let mut parts = Vec::new();
        let mut literal = Vec::new();
        while let Some(dollar) = memchr::memchr(b'$', reader.rest()) {
            literal.extend_from_slice(&reader.rest()[..dollar]);
            reader.at += dollar;
            if reader.rest().starts_with(b"$$") {
                literal.push(b'$');
                reader.at += 2;
                continue;
            }
            let pv = reader.pv()?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal).into()));
            }
            parts.push(Part::Pv(pv));
        }
        literal.extend_from_slice(reader.rest());
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        Ok(Text::new(parts))
    }

    /// Compiles a text that is one variable and nothing else, `$` included.
    pub fn variable(&self, text: &[u8]) -> Result<Pv, FormatError> {
        let mut reader = Reader { catalog: self, text, at: 0 };
        let pv = reader.pv()?;
        match reader.rest() {
            [] => Ok(pv),
            _ => Err(reader.unknown(text)),
        }
    }
}

struct Reader<'a> {
    catalog: &'a Catalog,
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn error(&self, message: impl Into<String>) -> FormatError {
        FormatError { offset: self.at, message: message.into(), hint: None }
    }

    /// Reads a variable; the reader stands on its `$`.
    fn pv(&mut self) -> Result<Pv, FormatError> {
        if self.peek() != Some(b'$') {
            return Err(self.error("a variable is expected here"));
        }
        self.at += 1;
        match self.peek() {
            Some(b'(') => self.delimited(),
            _ => self.plain(),
        }
    }

    /// `$name` or `$name(inner)`
    fn plain(&mut self) -> Result<Pv, FormatError> {
        let def = self.class()?;
        let has_inner = self.peek() == Some(b'(') && !matches!(def.inner, InnerKind::None);
        let inside = self.at + 1;
        let inner = if has_inner { Some(self.group(b'(', b')')?) } else { None };
        let inner = self.inner(def, inner).map_err(|error| FormatError { offset: inside, ..error })?;
        let arg = PvArg { inner, index: Index::None };
        Ok(Pv { def, arg, transforms: Box::default() })
    }

    /// `$(name(inner)[index]{transformation}...)`
    fn delimited(&mut self) -> Result<Pv, FormatError> {
        self.at += 1;
        let def = self.class()?;
        let inside = self.at + 1;
        let inner = if self.peek() == Some(b'(') { Some(self.group(b'(', b')')?) } else { None };
        let inner = self.inner(def, inner).map_err(|error| FormatError { offset: inside, ..error })?;
        let index = self.index(def)?;
        let mut transforms = Vec::new();
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.at += 1;
            }
            match self.peek() {
                Some(b'{') => transforms.push(self.transform()?),
                Some(b')') => break,
                Some(_) => return Err(self.error("expected ( [ { or ) in a variable")),
                None => return Err(self.error("the variable's ) is missing")),
            }
        }
        self.at += 1;
        Ok(Pv { def, arg: PvArg { inner, index }, transforms: transforms.into() })
    }

    /// The class named here: the longest known name the letters begin with.
    fn class(&mut self) -> Result<&'static PvDef, FormatError> {
        if self.peek() == Some(b'?')
            && let Some(def) = self.catalog.pv("?")
        {
            self.at += 1;
            return Ok(def);
        }
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let len = self.rest().iter().position(|byte| !is_name(byte)).unwrap_or(self.rest().len());
        let written = std::str::from_utf8(&self.rest()[..len]).expect("letters and digits");
        let known = (1..=len).rev().find_map(|end| Some((end, self.catalog.pv(&written[..end])?)));
        if let Some((end, def)) = known {
            self.at += end;
            return Ok(def);
        }
        self.at -= 1;
        match len {
            0 => Err(self.error("a $ starts a variable; write $$ for a dollar")),
            _ => Err(FormatError { offset: self.at, ..self.unknown(&self.text[self.at..=self.at + len]) }),
        }
    }

    /// The error for a token that is no variable, `$` included.
    fn unknown(&self, token: &[u8]) -> FormatError {
        let token = String::from_utf8_lossy(token);
        let written = token.trim_start_matches(['$', '(']);
        let near = nearest(written, self.catalog.pv_names());
        FormatError {
            offset: 0,
            message: format!("unknown variable {token}"),
            hint: near.map(|name| format!("did you mean ${name}?")),
        }
    }

    /// The text between a pair of brackets, nested pairs counted; the reader stands on the opening one.
    fn group(&mut self, open: u8, close: u8) -> Result<&'a [u8], FormatError> {
        let start = self.at + 1;
        let mut depth = 0usize;
        for (place, byte) in self.text.iter().enumerate().skip(self.at) {
            depth += usize::from(*byte == open);
            if *byte == close {
                depth -= 1;
                if depth == 0 {
                    self.at = place + 1;
                    return Ok(&self.text[start..place]);
                }
            }
        }
        Err(self.error(format!("the closing {} is missing", char::from(close))))
    }

    fn inner(&self, def: &'static PvDef, written: Option<&[u8]>) -> Result<Inner, FormatError> {
        let text = match (written, def.inner) {
            (None, InnerKind::None) => return Ok(Inner::None),
            // A preparation may allow the parentheses to be absent.
            (None, InnerKind::Prepared(prepare)) => {
                return prepare(self.catalog, b"")
                    .map_err(|message| self.error(format!("${}: {message}", def.name)));
            }
            (None, _) | (Some(b""), _) => {
                return Err(self.error(format!("${0} needs a name, as in ${0}(name)", def.name)));
            }
            (Some(_), InnerKind::None) => {
                return Err(self.error(format!("${} takes no parentheses", def.name)));
            }
            (Some(text), _) => text,
        };
        match def.inner {
            InnerKind::None => Ok(Inner::None),
            InnerKind::Name if text.contains(&b'$') => Ok(Inner::Dynamic(Arc::new(self.nested(text)?))),
            InnerKind::Name => Ok(Inner::Name(Bytes::copy_from_slice(text))),
            InnerKind::Slot => {
                let unknown =
                    || self.error(format!("${}: the configuration names no such variable", def.name));
                self.catalog.slot(def.name, text).map(Inner::Slot).ok_or_else(unknown)
            }
            InnerKind::Key(keys) => self.key(def, keys, text),
            InnerKind::Pv => {
                let pv =
                    self.catalog.variable(text).map_err(|error| FormatError { offset: self.at, ..error })?;
                Ok(Inner::Pv(Arc::new(pv)))
            }
            InnerKind::Prepared(prepare) => {
                prepare(self.catalog, text).map_err(|message| self.error(format!("${}: {message}", def.name)))
            }
        }
    }

    fn nested(&self, text: &[u8]) -> Result<Text, FormatError> {
        self.catalog.text(text).map_err(|error| FormatError { offset: self.at, ..error })
    }

    fn key(&self, def: &PvDef, keys: &'static [&'static str], text: &[u8]) -> Result<Inner, FormatError> {
        if let Some(place) = keys.iter().position(|key| key.as_bytes() == text) {
            return Ok(Inner::Slot(place as u32));
        }
        let written = String::from_utf8_lossy(text);
        let mut error = self.error(format!("${}({written}): expected one of {}", def.name, keys.join(" ")));
        error.hint = nearest(&written, keys.iter().copied()).map(|name| format!("did you mean {name}?"));
        Err(error)
    }

    fn index(&mut self, def: &PvDef) -> Result<Index, FormatError> {
        if self.peek() != Some(b'[') {
            return Ok(Index::None);
        }
        if def.index == Indexing::No {
            return Err(self.error(format!("${} takes no index", def.name)));
        }
        let at = self.at;
        let text = self.group(b'[', b']')?;
        match text {
            b"*" => Ok(Index::All),
            [b'$', ..] => {
                let pv =
                    self.catalog.variable(text).map_err(|error| FormatError { offset: at + 1, ..error })?;
                Ok(Index::Dynamic(Arc::new(pv)))
            }
            _ => parse_int(text).map(Index::At).ok_or_else(|| FormatError {
                offset: at + 1,
                message: "an index is a number, a variable or *".into(),
                hint: None,
            }),
        }
    }

    /// `{class.op,arg,...}`; the reader stands on the brace.
    fn transform(&mut self) -> Result<Transform, FormatError> {
        let start = self.at + 1;
        let end = self.rest().iter().position(|byte| matches!(byte, b',' | b'}')).map(|len| self.at + len);
        let Some(end) = end else { return Err(self.error("the closing } is missing")) };
        let name = String::from_utf8_lossy(&self.text[start..end]).into_owned();
        let (class, op) = name.split_once('.').unwrap_or((&name, ""));
        let Some(def) = self.catalog.transform(class, op) else {
            let hint = nearest(&name, self.catalog.transform_names());
            return Err(FormatError {
                offset: start,
                message: format!("unknown transformation {{{name}}}"),
                hint: hint.map(|name| format!("did you mean {{{name}}}?")),
            });
        };
        self.at = end;
        let mut args = Vec::new();
        while self.peek() == Some(b',') {
            self.at += 1;
            let Some(kind) = def.args.get(args.len()) else {
                return Err(self.error(format!("{{{name}}} takes {} arguments", def.args.len())));
            };
            args.push(self.transform_arg(def, kind)?);
        }
        if self.peek() != Some(b'}') {
            return Err(self.error("the closing } is missing"));
        }
        if args.len() < def.required {
            return Err(self.error(format!("{{{name}}} needs {} arguments", def.required)));
        }
        self.at += 1;
        Ok(Transform { def, args: args.into() })
    }

    fn transform_arg(
        &mut self,
        def: &TransformDef,
        kind: &TransformKind,
    ) -> Result<TransformArg, FormatError> {
        if let TransformKind::Rest(prepare) = kind {
            let len = self.rest_len().ok_or_else(|| self.error("the closing } is missing"))?;
            let text = &self.rest()[..len];
            let prepared = prepare(self.catalog, text).map_err(|message| self.error(message))?;
            self.at += len;
            return Ok(TransformArg::Prepared(prepared));
        }
        if let Some(pv) = self.variable_arg() {
            return Ok(TransformArg::Pv(pv));
        }
        // A separator may itself be a comma.
        let skip = usize::from(matches!(kind, TransformKind::Char) && self.peek() == Some(b','));
        let tail = &self.rest()[skip..];
        let len = tail.iter().position(|byte| matches!(byte, b',' | b'}')).map(|len| len + skip);
        let Some(len) = len else { return Err(self.error("the closing } is missing")) };
        let text = &self.rest()[..len];
        let arg = match kind {
            TransformKind::Int => parse_int(text.trim_ascii())
                .map(TransformArg::Int)
                .ok_or_else(|| self.error(format!("{{{}.{}}} needs a number here", def.class, def.op)))?,
            _ => TransformArg::Text(Bytes::copy_from_slice(text)),
        };
        self.at += len;
        Ok(arg)
    }

    /// A variable that fills the whole argument, blanks around it aside.
    fn variable_arg(&mut self) -> Option<Pv> {
        let start = self.at;
        let blanks = self.rest().iter().take_while(|byte| **byte == b' ').count();
        self.at += blanks;
        let pv = (self.peek() == Some(b'$')).then(|| self.pv().ok()).flatten();
        while pv.is_some() && self.peek() == Some(b' ') {
            self.at += 1;
        }
        match (pv, self.peek()) {
            (Some(pv), Some(b',' | b'}')) => Some(pv),
            _ => {
                self.at = start;
                None
            }
        }
    }

    /// Bytes up to the brace that closes this transformation, inner pairs counted.
    fn rest_len(&self) -> Option<usize> {
        let mut depth = 1usize;
        self.rest().iter().position(|byte| {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }
}
