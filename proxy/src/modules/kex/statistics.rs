//! Remote procedures that show statistics.

use crate::api::{Board, RpcError, RpcValue, Shard, Value};

/// `all`, `group:`, or the name of one; several may be given, none is all.
fn values(shard: &mut Shard, params: &[Value]) -> Vec<(&'static str, &'static str, u64)> {
    let wanted: Vec<String> = params.iter().map(Value::to_display).collect();
    Board::values(shard, |group, name| {
        wanted.is_empty()
            || wanted.iter().any(|wanted| match wanted.split_once(':') {
                _ if wanted == "all" => true,
                Some((wanted, "")) => wanted == group,
                Some((of, wanted)) => of == group && wanted == name,
                None => wanted == name,
            })
    })
}

/// `stats.get_statistics`: lines `group:name = value`.
pub(super) fn lines(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let line = |(group, name, value): (&str, &str, u64)| {
        RpcValue::Plain(Value::Str(format!("{group}:{name} = {value}").into()))
    };
    Ok(RpcValue::List(values(shard, params).into_iter().map(line).collect()))
}

/// `stats.fetch`: `group.name` and the value as a text; `stats.fetchn`: as a number.
pub(super) fn record(
    shard: &mut Shard,
    params: &[Value],
    value: fn(u64) -> Value,
) -> Result<RpcValue, RpcError> {
    let row =
        |(group, name, count): (&str, &str, u64)| (format!("{group}.{name}"), RpcValue::Plain(value(count)));
    Ok(RpcValue::Record(values(shard, params).into_iter().map(row).collect()))
}

#[cfg(test)]
mod tests {
    use crate::api::{RpcValue, Value};
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn sums_are_shown_by_group_and_name() {
        let text = "loadmodule \"pv.so\"\nloadmodule \"kex.so\"\nloadmodule \"xlog.so\"\n\
            request_route { xlog(\"$stat(rcv_requests) $stat(rcv_requests_options) [$stat(none)]\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(trial.run(OPTIONS).lines, ["$stat: there is no statistic none", "1 1 [<null>]"]);
        let lines = super::lines(&mut trial.shard, &[Value::literal("rcv_requests")]);
        let Ok(RpcValue::List(lines)) = lines else { panic!("{lines:?}") };
        let RpcValue::Plain(line) = &lines[0] else { panic!("{lines:?}") };
        assert_eq!((lines.len(), line.to_display()), (1, "core:rcv_requests = 1".to_owned()));
    }
}
