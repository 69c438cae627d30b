//! `askonce prompts`: what flows say, as a list and as a script for the studio; spoken by a machine until it is recorded;
//! and checked.

use super::{Failed, count, fail, show};
use crate::config;
use crate::server::files::{self, Disk, Findings};
use crate::server::flow_files;
use crate::server::studio::{self, Choice, Line, Piece, Sound, Voices, Words};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Every prompt with its text, its sound and who says it; what is missing, and what nobody says
    List {
        #[command(flatten)]
        flows: Flows,
        #[arg(long, value_enum, default_value = "text")]
        format: Listing,
    },
    /// The script for a studio: each file to record, its text, and where callers hear it
    Script {
        #[command(flatten)]
        flows: Flows,
        #[arg(long, value_enum, default_value = "csv")]
        format: Script,
        /// Where to write it, rather than to standard output
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Every word that values are read with, and not only those that these flows need
        #[arg(long)]
        words: bool,
    },
    /// Let espeak-ng speak what is missing, and what it spoke before and has another text now; recordings are not touched
    Build {
        #[command(flatten)]
        flows: Flows,
        /// Speak again all that espeak-ng spoke before
        #[arg(long)]
        force: bool,
        /// Speak the words that values are read with as well, rather than use those of the built-in voice
        #[arg(long)]
        words: bool,
        /// Another voice of espeak-ng for a language: es=es+f2
        #[arg(long, value_name = "LANGUAGE=VOICE", value_parser = voice)]
        voice: Vec<(String, String)>,
    },
    /// Say what is missing in a language, silent, too loud, too long, not said by any flow, or not in step with its text
    Check {
        #[command(flatten)]
        flows: Flows,
    },
}

#[derive(clap::Args)]
struct Flows {
    /// Flow files, or folders of them
    #[arg(required_unless_present = "config")]
    flows: Vec<PathBuf>,
    /// The flows that this configuration names
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Listing {
    Text,
    Json,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Script {
    Csv,
    Markdown,
}

pub fn run(args: &Args) -> Result<(), Failed> {
    match &args.verb {
        Verb::List { flows, format } => {
            let lines = flows.lines(Words::Needed)?;
            match format {
                Listing::Text => print!("{}", listed(&lines)),
                Listing::Json => println!("{:#}", json!(lines.iter().map(object).collect::<Vec<_>>())),
            }
            Ok(())
        }
        Verb::Script { flows, format, out, words } => {
            let lines = flows.lines(if *words { Words::OfOurOwn } else { Words::Needed })?;
            let script = match format {
                Script::Csv => csv(&lines),
                Script::Markdown => markdown(&lines),
            };
            let Some(out) = out else {
                print!("{script}");
                return Ok(());
            };
            std::fs::write(out, script).map_err(|error| fail(format!("{}: {error}", out.display())))
        }
        Verb::Build { flows, force, words, voice } => {
            let lines = flows.lines(if *words { Words::OfOurOwn } else { Words::Needed })?;
            let voices = Voices(voice.iter().cloned().collect());
            build(&lines, &Choice { voices, force: *force, speak: studio::speak })
        }
        Verb::Check { flows } => check(flows),
    }
}

fn voice(text: &str) -> Result<(String, String), String> {
    let (language, voice) = text.split_once('=').ok_or("write LANGUAGE=VOICE")?;
    Ok((language.to_owned(), voice.to_owned()))
}

impl Flows {
    /// The files of the flows.
    fn paths(&self) -> Result<Vec<PathBuf>, Failed> {
        let mut paths: Vec<PathBuf> = self.flows.iter().flat_map(|path| flow_files(&Disk, path)).collect();
        if let Some(path) = &self.config {
            let mut findings = Findings::default();
            if let Some(source) = findings.read(&Disk, path) {
                match config::load(&source) {
                    Ok((config, _)) => {
                        let beside = path.parent().unwrap_or(Path::new(""));
                        let named = config.flows.iter().map(|named| beside.join(&named.text));
                        paths.extend(named.flat_map(|path| flow_files(&Disk, &path)));
                    }
                    Err(mistakes) => findings.diagnostics.extend(mistakes),
                }
            }
            sound(&findings)?;
        }
        Ok(paths)
    }

    /// What the flows say; they must load for that, but for missing sound.
    fn lines(&self, words: Words) -> Result<Vec<Line>, Failed> {
        let (lines, findings) = studio::read(&Disk, &self.paths()?, words);
        sound(&findings)?;
        Ok(lines)
    }
}

/// Errors are shown, and the end; warnings are the business of `check`.
fn sound(findings: &Findings) -> Result<(), Failed> {
    if findings.errors() == 0 {
        return Ok(());
    }
    show(findings);
    Err(fail(count(findings.errors(), "error")))
}

fn build(lines: &[Line], choice: &Choice) -> Result<(), Failed> {
    let built = studio::build(lines, choice).map_err(fail)?;
    for file in &built.spoken {
        println!("{}", file.display());
    }
    println!(
        "{} spoken ({} kB), {} in step, {} recorded by others and not touched",
        count(built.spoken.len(), "file"),
        built.bytes.div_ceil(1_000),
        built.in_step,
        built.recorded
    );
    Ok(())
}

fn check(flows: &Flows) -> Result<(), Failed> {
    let paths = flows.paths()?;
    let (lines, _) = studio::read(&Disk, &paths, Words::Needed);
    let mut findings = Findings::default();
    for path in &paths {
        let (_, found) = files::load(&Disk, path);
        findings.sources.extend(found.sources);
        for told in found.diagnostics {
            // Flows that share a catalogue tell the same of it.
            if !findings.diagnostics.contains(&told) {
                findings.diagnostics.push(told);
            }
        }
    }
    studio::check(&Disk, &lines, &mut findings);
    show(&findings);
    let (errors, found) = (findings.errors(), findings.diagnostics.len());
    println!("{}, {}, {}", count(lines.len(), "prompt"), count(errors, "error"), count(found - errors, "warning"));
    if errors == 0 { Ok(()) } else { Err(Failed) }
}

/// Prompts by language; of words, how many there are.
fn listed(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines.iter().filter(|line| !line.word) {
        let length = length(line).map_or("MISSING".to_owned(), |ms| format!("{:.1} s", ms as f64 / 1_000.0));
        let uses = if line.uses.is_empty() { "unused".to_owned() } else { uses(line) };
        text += &format!("{}  {:<24} {:>7}  {}  [{uses}]\n", line.language, line.id, length, line.text);
    }
    let mut words: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.word) {
        let [all, built_in, missing] = words.entry(&line.language).or_insert([0; 3]);
        *all += 1;
        *built_in += usize::from(line.pieces.iter().any(|piece| piece.sound == Sound::BuiltIn));
        *missing += usize::from(line.pieces.iter().any(|piece| piece.sound == Sound::Missing));
    }
    for (language, [all, built_in, missing]) in words {
        text += &format!("{language}  {all} words of values: {built_in} of the built-in voice, {missing} missing\n");
    }
    text
}

/// Milliseconds of all its pieces, if all are there. The built-in voice is not measured.
fn length(line: &Line) -> Option<u64> {
    line.pieces.iter().try_fold(0, |all, piece| match piece.sound {
        Sound::There(milliseconds) => Some(all + milliseconds),
        Sound::BuiltIn => Some(all),
        Sound::Missing => None,
    })
}

fn uses(line: &Line) -> String {
    line.uses.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn object(line: &Line) -> serde_json::Value {
    let piece = |piece: &Piece| {
        let milliseconds = match piece.sound {
            Sound::There(milliseconds) => Some(milliseconds),
            Sound::BuiltIn | Sound::Missing => None,
        };
        json!({ "file": piece.file().display().to_string(), "text": piece.text, "sound": state(piece), "ms": milliseconds })
    };
    json!({
        "language": line.language, "id": line.id, "text": line.text, "word": line.word, "uses": line.uses,
        "clips": line.pieces.iter().map(piece).collect::<Vec<_>>(),
    })
}

fn state(piece: &Piece) -> &'static str {
    match piece.sound {
        Sound::There(_) => "there",
        Sound::BuiltIn => "built-in",
        Sound::Missing => "missing",
    }
}

/// One row a file. `whole` is what a piece is a part of.
fn csv(lines: &[Line]) -> String {
    let mut text = "language,id,kind,file,text,whole,used,sound\r\n".to_owned();
    for (line, piece) in files_of(lines) {
        let file = piece.file().display().to_string();
        let kind = if line.word { "word" } else { "prompt" };
        let used = uses(line);
        let row = [line.language.as_str(), &line.id, kind, &file, &piece.text, &line.text, &used, state(piece)];
        text += &row.map(field).join(",");
        text += "\r\n";
    }
    text
}

/// As RFC 4180 section 2 writes a field.
fn field(text: &str) -> String {
    let plain = !text.contains([',', '"', '\r', '\n']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

fn markdown(lines: &[Line]) -> String {
    let mut text = String::new();
    let mut heading = None;
    for (line, piece) in files_of(lines) {
        let under = (line.language.as_str(), line.word);
        if heading.replace(under) != Some(under) {
            let what = if line.word { "words of values, said alone and evenly" } else { "prompts" };
            text += &format!("\n## {}: {what}\n\n| file | text | heard |\n| --- | --- | --- |\n", line.language);
        }
        let whole = if line.pieces.len() > 1 { format!(" (of: {})", line.text) } else { String::new() };
        let said = format!("{}{whole}", piece.text);
        let row = [piece.file().display().to_string(), said, uses(line)];
        text += &format!("| {} |\n", row.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | "));
    }
    text.trim_start().to_owned()
}

fn files_of(lines: &[Line]) -> impl Iterator<Item = (&Line, &Piece)> {
    lines.iter().flat_map(|line| line.pieces.iter().map(move |piece| (line, piece)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Span;
    use std::collections::BTreeSet;

    fn line(text: &str) -> Line {
        let piece = |name: &str, text: &str, sound| Piece {
            name: name.to_owned(),
            text: text.to_owned(),
            folder: "p/en".into(),
            sound,
        };
        Line {
            language: "en".into(),
            id: "back".into(),
            text: text.to_owned(),
            word: false,
            uses: BTreeSet::from(["f start:1".to_owned(), "f start:2".to_owned()]),
            pieces: vec![piece("back.1", "Say \"yes\",", Sound::There(900)), piece("back.2", "a|b", Sound::Missing)],
            path: "p/en.yaml".into(),
            span: Span::default(),
        }
    }

    #[test]
    fn a_script_has_a_row_for_each_file() {
        let lines = [line("Say \"yes\", {x} a|b")];
        assert_eq!(
            csv(&lines),
            "language,id,kind,file,text,whole,used,sound\r\n\
             en,back,prompt,p/en/back.1.wav,\"Say \"\"yes\"\",\",\"Say \"\"yes\"\", {x} a|b\",\"f start:1, f start:2\",there\r\n\
             en,back,prompt,p/en/back.2.wav,a|b,\"Say \"\"yes\"\", {x} a|b\",\"f start:1, f start:2\",missing\r\n"
        );
        let table = markdown(&lines);
        assert!(table.starts_with("## en: prompts\n\n| file |") && table.lines().count() == 6, "{table}");
        assert!(
            table.contains("| p/en/back.2.wav | a\\|b (of: Say \"yes\", {x} a\\|b) | f start:1, f start:2 |"),
            "{table}"
        );
    }

    #[test]
    fn a_list_says_what_is_missing_and_what_nobody_says() {
        let mut whole = line("Fine.");
        whole.pieces.truncate(1);
        whole.uses.clear();
        let text = listed(&[line("Say {x}"), whole]);
        let rows: Vec<&str> = text.lines().collect();
        assert!(rows[0].contains("MISSING  Say {x}  [f start:1, f start:2]"), "{text}");
        assert!(rows[1].contains("0.9 s  Fine.  [unused]"), "{text}");
    }
}
