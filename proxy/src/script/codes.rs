//! The stable codes of script findings, C100 to C199. A code keeps its meaning for ever.

macro_rules! codes {
    ($($name:ident $code:literal $title:literal,)*) => {
        $(#[doc = $title] pub(super) const $name: &str = $code;)*

        /// Every code with its title, for reports that describe their rules.
        pub const CODES: &[(&str, &str)] = &[$(($code, $title),)*];
    };
}

codes! {
    UNKNOWN_MODULE "C100" "module that does not exist here",
    MODULE_NEEDED "C101" "module that needs another one",
    LOADED_TWICE "C102" "module loaded twice",
    MODPARAM_MODULE "C103" "modparam for a module that is not loaded",
    MODPARAM_NAME "C104" "module parameter that does not exist",
    MODPARAM_TYPE "C105" "module parameter of the wrong type",
    MODULE_REFUSED "C106" "module parameters that do not fit together",
    AWAITED "C107" "module or function that is known and not built in yet",
    OLD_MODULE "C108" "module that has another name today",
    UNKNOWN_FUNCTION "C110" "function that does not exist or whose module is not loaded",
    ARGUMENT_COUNT "C111" "wrong number of arguments",
    ARGUMENT "C112" "argument that cannot be used",
    WRONG_ROUTE "C113" "function that cannot be used in this kind of block",
    VARIABLE "C120" "variable that cannot be read here",
    READ_ONLY "C121" "assignment to a variable that is read only",
    UNKNOWN_ROUTE "C122" "block that is not defined",
    REGEX "C123" "text that is not a regular expression",
    CASE "C125" "case label that cannot be used",
    UNUSED_ROUTE "C126" "event route that nobody runs",
    KEY_ROUTE "C127" "key word that has no value in this kind of block",
    NEVER "C130" "comparison whose result is always the same",
    UNSET "C131" "variable that is read and never set",
}
