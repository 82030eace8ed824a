//! Class `val`: what stands for null, and JSON; of versions behind 5.6.

use super::super::NAME;
use crate::api::{Ctx, ModuleDef, TransformArgs, TransformDef, TransformFn, Value};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

static TRANSFORMS: &[TransformDef] = &[
    row("n0", |_, value, _| if value.is_null() { Value::Int(0) } else { value }, "0 for null"),
    row("ne", |_, value, _| if value.is_null() { Value::EMPTY } else { value }, "an empty text for null"),
    row("json", escaped, "the text as it stands in JSON between quotes"),
    row("jsonqe", quoted, "the text as it stands in JSON, with quotes"),
];

const fn row(op: &'static str, run: TransformFn, doc: &'static str) -> TransformDef {
    TransformDef::new("val", op, &[], run, doc).takes_null()
}

fn in_json(value: &Value) -> String {
    let text = value.to_text();
    serde_json::Value::from(String::from_utf8_lossy(&text)).to_string()
}

fn escaped(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let json = in_json(&value);
    Value::Str(json[1..json.len() - 1].to_owned().into())
}

fn quoted(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    Value::Str(in_json(&value).into())
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn null_has_a_stand_in_and_texts_go_into_json() {
        let text = "loadmodule \"xlog.so\"\nrequest_route { $var(t) = 'a\"b\\c'; \
            xlog(\"$(avp(x){val.n0}) [$(avp(x){val.ne})] $(avp(x){val.jsonqe}) $(var(t){val.json}) $(var(t){val.jsonqe})\"); }";
        let mut trial = Trial::load(text).expect("a good configuration");
        assert_eq!(trial.run(OPTIONS).lines, [r#"0 [] "" a\"b\\c "a\"b\\c""#]);
    }
}
