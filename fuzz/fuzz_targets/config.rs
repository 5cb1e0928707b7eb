//! A configuration file: mistakes with file and line, or settings that every section's owner understands.
#![no_main]
use libfuzzer_sys::fuzz_target;
use wh_base::config::{Layers, Section, Settings};

const SECTIONS: &[Section] =
    &[wh_server::SECTION, wh_identity::SECTION, wh_telemetry::SECTION, wh_backup::SECTION];

fuzz_target!(|text: &str| {
    let layers = Layers { file: Some(("wheelhouse.toml", text)), ..Layers::default() };
    match Settings::load(SECTIONS, layers) {
        Ok(settings) => {
            settings.section::<wh_server::ServerConfig>("server").expect("[server] as declared");
            settings.section::<wh_identity::IdentityConfig>("identity").expect("[identity] as declared");
            settings.section::<wh_telemetry::TelemetryConfig>("telemetry").expect("[telemetry] as declared");
            settings.section::<wh_backup::BackupConfig>("backup").expect("[backup] as declared");
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "a refusal without a reason");
            for mistake in mistakes {
                assert!(mistake.to_string().contains("wheelhouse.toml"), "{mistake}");
            }
        }
    }
});
