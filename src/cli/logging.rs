//! Logs, to standard error: as text for people or as JSON lines; for the journal each line with its priority and
//! without what the journal adds itself.

use super::Failed;
use crate::os::notify::is_journal;
use std::fmt;
use std::io::IsTerminal;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::{Format, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    Text,
    Json,
}

/// `form`: what the command line says, else ASKONCE_LOG_FORMAT does, else it is text.
pub fn begin(level: &str, form: Option<Form>) -> Result<(), Failed> {
    let filter = match std::env::var("ASKONCE_LOG") {
        Err(_) => EnvFilter::new(level),
        Ok(wanted) => {
            EnvFilter::try_new(&wanted).map_err(|error| super::fail(format!("ASKONCE_LOG={wanted}: {error}")))?
        }
    };
    let form = match (form, std::env::var("ASKONCE_LOG_FORMAT")) {
        (Some(form), _) => form,
        (None, Err(_)) => Form::Text,
        (None, Ok(wanted)) => <Form as clap::ValueEnum>::from_str(&wanted, false)
            .map_err(|_| super::fail(format!("ASKONCE_LOG_FORMAT={wanted}: text or json")))?,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let format = Format::default();
    match (form, is_journal()) {
        (Form::Text, false) => log.with_ansi(std::io::stderr().is_terminal()).init(),
        (Form::Text, true) => log.with_ansi(false).event_format(Journal(format.without_time().with_ansi(false))).init(),
        (Form::Json, false) => log.json().flatten_event(true).init(),
        (Form::Json, true) => {
            let format = format.without_time().json().flatten_event(true);
            log.json().event_format(Journal(format)).init();
        }
    }
    Ok(())
}

/// Lines with the priority that the journal reads (sd-daemon(3)).
struct Journal<F>(F);

impl<S, N, F> FormatEvent<S, N> for Journal<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}
