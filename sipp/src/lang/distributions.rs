//! Pause lengths: the distribution table and what a `pause`, `timewait` or `sample` draws from it.
//!
//! A distribution is two numbers and three functions: draw from a uniform number, the quantile that load
//! checks use, and the description screens show. Values are milliseconds where a pause draws them.

use std::time::Duration;

use crate::state::VarSlot;

use super::{Attributes, Mistake, Scope};

/// One row of the distribution table.
pub struct DistributionDef {
    /// Value of `distribution="..."`.
    pub name: &'static str,
    /// Names of the parameters, in the order the functions take them.
    pub params: &'static [&'static str],
    /// Draws a value.
    pub draw: fn(&mut dyn FnMut() -> f64, [f64; 3]) -> f64,
    /// How screens write it, e.g. `N(`; the parameters follow.
    pub short: &'static str,
    /// One sentence for the documentation.
    pub doc: &'static str,
}

/// All distributions.
pub const TABLE: &[DistributionDef] = &[
    DistributionDef {
        name: "fixed",
        params: &["value"],
        draw: |_, [value, ..]| value,
        short: "",
        doc: "Always the same value.",
    },
    DistributionDef {
        name: "uniform",
        params: &["min", "max"],
        draw: |unit, [min, max, _]| min + (max - min) * unit(),
        short: "",
        doc: "Any value between two bounds.",
    },
    DistributionDef {
        name: "normal",
        params: &["mean", "stdev"],
        draw: |unit, [mean, stdev, _]| mean + stdev * draw_normal(unit),
        short: "N",
        doc: "Normal distribution.",
    },
    DistributionDef {
        name: "lognormal",
        params: &["mean", "stdev"],
        draw: |unit, [mean, stdev, _]| (mean + stdev * draw_normal(unit)).exp(),
        short: "LN",
        doc: "The logarithm is normally distributed; mean and deviation are those of the logarithm.",
    },
    DistributionDef {
        name: "exponential",
        params: &["mean"],
        draw: |unit, [mean, ..]| -mean * positive(unit).ln(),
        short: "Exp",
        doc: "Exponential distribution.",
    },
    DistributionDef {
        name: "weibull",
        params: &["lambda", "k"],
        draw: |unit, [lambda, k, _]| lambda * (-positive(unit).ln()).powf(1.0 / k),
        short: "Wb",
        doc: "Weibull distribution: scale and shape.",
    },
    DistributionDef {
        name: "pareto",
        params: &["k", "x_m"],
        draw: |unit, [k, x_m, _]| x_m / positive(unit).powf(1.0 / k),
        short: "P",
        doc: "Pareto distribution: shape and smallest value.",
    },
    DistributionDef {
        name: "gpareto",
        params: &["shape", "scale", "location"],
        draw: |unit, [shape, scale, location]| {
            if shape == 0.0 {
                location - scale * positive(unit).ln()
            } else {
                location + scale * (positive(unit).powf(-shape) - 1.0) / shape
            }
        },
        short: "P",
        doc: "Generalised Pareto distribution.",
    },
    DistributionDef {
        name: "gamma",
        params: &["k", "theta"],
        draw: |unit, [k, theta, _]| draw_gamma(unit, k) * theta,
        short: "G",
        doc: "Gamma distribution: shape and scale.",
    },
    DistributionDef {
        name: "negbin",
        params: &["p", "n"],
        // A negative binomial number is a Poisson number whose mean is gamma distributed.
        draw: |unit, [p, n, _]| {
            let mean = draw_gamma(unit, n) * (1.0 - p) / p;
            draw_poisson(unit, mean)
        },
        short: "NB",
        doc: "Negative binomial distribution: probability and number of successes.",
    },
];

/// A distribution with its parameters.
#[derive(Clone, Copy)]
pub struct Distribution {
    def: &'static DistributionDef,
    params: [f64; 3],
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{:?}", self.def.name, &self.params[..self.def.params.len()])
    }
}

impl Distribution {
    /// Reads `distribution` and its parameters; old files write only a parameter's name. `None` when the
    /// element has no distribution. Errors: unknown name, missing or bad parameter.
    pub fn parse(attributes: &Attributes<'_, '_>) -> Result<Option<Distribution>, Mistake> {
        let Some(name) = attributes.text("distribution").or_else(|| old_style_name(attributes)) else {
            return Ok(None);
        };
        let def = TABLE.iter().find(|def| def.name == name).ok_or_else(|| {
            attributes
                .bad("distribution", "a known distribution")
                .suggest(&name, TABLE.iter().map(|def| def.name))
        })?;
        let mut params = [0.0; 3];
        for (value, param) in params.iter_mut().zip(def.params) {
            *value = attributes.required_number(param)?;
        }
        Ok(Some(Distribution { def, params }))
    }

    /// Draws a value; `unit` gives numbers in `0.0..1.0`.
    pub fn draw(&self, unit: &mut dyn FnMut() -> f64) -> f64 {
        (self.def.draw)(unit, self.params)
    }

    /// The value below which 99 of 100 draws lie, estimated with a fixed sequence of draws.
    pub fn percentile_99(&self) -> f64 {
        if self.def.name == "fixed" {
            return self.params[0];
        }
        let mut ident = sip::ident::Ident::seeded(99);
        let mut unit = || (ident.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        let mut draws: Vec<f64> = (0..2000).map(|_| self.draw(&mut unit)).collect();
        draws.sort_by(f64::total_cmp);
        draws[draws.len() * 99 / 100]
    }

    /// As screens show it: `200ms`, `10ms/30ms`, `N(60ms,15ms)`.
    pub fn describe(&self) -> String {
        let params: Vec<_> =
            self.params[..self.def.params.len()].iter().map(|value| describe_millis(*value)).collect();
        match self.def.name {
            "fixed" => params[0].clone(),
            "uniform" => params.join("/"),
            _ => format!("{}({})", self.def.short, params.join(",")),
        }
    }
}

/// How long a pause is.
#[derive(Clone, Copy, Debug)]
pub enum Pause {
    /// As `-d` says.
    Default,
    /// Drawn anew each time.
    Drawn(Distribution),
    /// The value of a variable at that moment.
    Variable(VarSlot),
}

/// Longest pause, in milliseconds.
const LONGEST_MS: f64 = i32::MAX as f64;

impl Pause {
    /// Reads the attributes of a `pause` or `timewait`.
    pub fn parse(attributes: &mut Attributes<'_, '_>) -> Result<Pause, Mistake> {
        if let Some(number) = attributes.number("milliseconds")? {
            let fixed = Distribution { def: &TABLE[0], params: [number, 0.0, 0.0] };
            return Ok(Pause::Drawn(fixed));
        }
        if let Some(slot) = attributes.var("variable")? {
            return Ok(Pause::Variable(slot));
        }
        let Some(distribution) = Distribution::parse(attributes)? else { return Ok(Pause::Default) };
        let checked = attributes.get("sanity_check").is_none() || attributes.flag("sanity_check")?;
        if checked && distribution.percentile_99() > LONGEST_MS {
            let message = "The 99th percentile of this pause is beyond 2147483647 ms";
            let mut mistake = Mistake::new("S023", attributes.at, message);
            mistake.hint = Some("sanity_check=\"false\" allows it".into());
            return Err(mistake);
        }
        Ok(Pause::Drawn(distribution))
    }

    /// The length of this pause now: whole milliseconds, 0 for less than one.
    pub fn length(self, scope: &mut Scope<'_>) -> Duration {
        let millis = match self {
            Pause::Default => return scope.settings.pause,
            Pause::Drawn(distribution) => distribution.draw(&mut || scope.world.random_unit()),
            Pause::Variable(slot) => scope.var(slot).number(),
        };
        Duration::from_millis(millis.clamp(0.0, LONGEST_MS) as u64)
    }

    /// The 99th percentile in milliseconds, `default` for a pause of `-d`.
    pub fn percentile_99(self, default: Duration) -> f64 {
        match self {
            Pause::Default => default.as_millis() as f64,
            Pause::Drawn(distribution) => distribution.percentile_99().clamp(0.0, LONGEST_MS),
            Pause::Variable(_) => 0.0,
        }
    }

    /// As the scenario screen shows it; `default` is the length of `-d`, `variable` the name behind a slot.
    pub fn describe(self, default: Duration, variable: impl Fn(VarSlot) -> String) -> String {
        match self {
            Pause::Default => describe_millis(default.as_millis() as f64),
            Pause::Drawn(distribution) => distribution.describe(),
            Pause::Variable(slot) => format!("${}", variable(slot)),
        }
    }
}

/// `200ms`, `1.70ms`, from ten seconds `12.3s`, from a minute `1:30`, from an hour `1:02:03`.
fn describe_millis(millis: f64) -> String {
    let seconds = (millis / 1000.0) as u64;
    if millis < 10_000.0 {
        return if millis.fract() == 0.0 { format!("{millis}ms") } else { format!("{millis:.2}ms") };
    }
    match seconds {
        0..60 => format!("{:.1}s", millis / 1000.0),
        60..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60),
    }
}

/// Files from before `distribution` existed name the distribution by an attribute.
fn old_style_name(attributes: &Attributes<'_, '_>) -> Option<String> {
    const OLD: [(&str, &str); 8] = [
        ("min", "uniform"),
        ("max", "uniform"),
        ("normal", "normal"),
        ("exponential", "exponential"),
        ("lognormal", "lognormal"),
        ("weibull", "weibull"),
        ("pareto", "pareto"),
        ("gamma", "gamma"),
    ];
    OLD.iter().find(|(name, _)| attributes.get(name).is_some()).map(|(_, name)| (*name).into())
}

/// A number in `0.0..1.0` but not 0, whose logarithm is finite.
fn positive(unit: &mut dyn FnMut() -> f64) -> f64 {
    unit().max(f64::MIN_POSITIVE)
}

/// Box and Muller's method.
fn draw_normal(unit: &mut dyn FnMut() -> f64) -> f64 {
    (-2.0 * positive(unit).ln()).sqrt() * (std::f64::consts::TAU * unit()).cos()
}

/// Marsaglia and Tsang's method, scale 1.
fn draw_gamma(unit: &mut dyn FnMut() -> f64, shape: f64) -> f64 {
    if shape <= 0.0 {
        return 0.0;
    }
    if shape < 1.0 {
        return draw_gamma(unit, shape + 1.0) * positive(unit).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    // One try in twenty fails; the bound only keeps a broken generator from looping for ever.
    for _ in 0..1000 {
        let x = draw_normal(unit);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && positive(unit).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
    d
}

/// Knuth's method in steps, so that large means do not underflow.
fn draw_poisson(unit: &mut dyn FnMut() -> f64, mean: f64) -> f64 {
    if mean > 10_000.0 {
        return (mean + mean.sqrt() * draw_normal(unit)).max(0.0).round();
    }
    let mut rest = mean;
    let mut count = 0.0;
    loop {
        rest += positive(unit).ln();
        if rest.is_nan() || rest <= 0.0 {
            return count;
        }
        count += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use sip::ident::Ident;

    use super::{Distribution, TABLE, describe_millis};

    /// Mean of many draws against the textbook mean.
    #[test]
    fn means_are_those_of_the_textbook() {
        let rows: [(&str, [f64; 3], f64); 10] = [
            ("fixed", [200.0, 0.0, 0.0], 200.0),
            ("uniform", [10.0, 30.0, 0.0], 20.0),
            ("normal", [60.0, 15.0, 0.0], 60.0),
            ("lognormal", [3.0, 0.2, 0.0], (3.0f64 + 0.02).exp()),
            ("exponential", [10.0, 0.0, 0.0], 10.0),
            ("weibull", [20.0, 2.0, 0.0], 17.725),
            ("pareto", [3.0, 10.0, 0.0], 15.0),
            ("gpareto", [0.1, 9.0, 5.0], 15.0),
            ("gamma", [2.0, 3.0, 0.0], 6.0),
            ("negbin", [0.25, 4.0, 0.0], 12.0),
        ];
        let mut ident = Ident::seeded(1);
        let mut unit = || (ident.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        for (def, (name, params, mean)) in TABLE.iter().zip(rows) {
            assert_eq!(def.name, name, "one row of the test per row of the table");
            let distribution = Distribution { def, params };
            let sum: f64 = (0..20_000).map(|_| distribution.draw(&mut unit)).sum();
            let found = sum / 20_000.0;
            assert!((found - mean).abs() < mean * 0.05, "{name}: {found} instead of {mean}");
        }
    }

    #[test]
    fn lengths_read_as_on_the_screens_of_sipp() {
        let rows = [
            (200.0, "200ms"),
            (1500.0, "1500ms"),
            (1.7, "1.70ms"),
            (12_345.0, "12.3s"),
            (90_000.0, "1:30"),
            (3_723_000.0, "1:02:03"),
        ];
        for (millis, expected) in rows {
            assert_eq!(describe_millis(millis), expected);
        }
    }
}
