//! Where weights come from: a path, an address, or a name of published ones.

use std::path::PathBuf;

use thiserror::Error;

use crate::{
    download::{self, DownloadError, Remote},
    torchvision,
};

/// Where weights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nowhere: a fresh start.
    None,
    /// A file here.
    Path(PathBuf),
    /// A file over https.
    Remote(Remote),
}

/// Why a source makes no sense.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SourceError {
    /// No such scheme.
    #[error(
        "{found:?}: weights come from a path, https://…, torchvision://MODEL/WEIGHTS or hf://OWNER/NAME"
    )]
    Scheme {
        /// The source as given.
        found: String,
    },
    /// An address without encryption.
    #[error("{found:?}: weights are fetched over https alone, so that nobody can exchange them")]
    Insecure {
        /// The source as given.
        found: String,
    },
    /// torchvision has no such weights.
    #[error("{found:?}: torchvision has {}", known(available))]
    Torchvision {
        /// The source as given.
        found: String,
        /// The names there are for the model.
        available: Vec<&'static str>,
    },
    /// A digest that is none.
    #[error("{found:?}: expected the SHA-256 as 64 hexadecimal digits after #sha256=")]
    Digest {
        /// The source as given.
        found: String,
    },
}

fn known(available: &[&str]) -> String {
    if available.is_empty() {
        "no weights for that model".into()
    } else {
        format!("{} for it", available.join(", "))
    }
}

impl Source {
    /// Understands what a recipe says:
    ///
    /// - `none`, or nothing;
    /// - `torchvision://resnet18/IMAGENET1K_V1` (or `…/DEFAULT`, the newest);
    /// - `hf://timm/resnet18.a1_in1k`: `model.safetensors` there, or the file that follows the name;
    /// - `https://…`, with `#sha256=…` where it is to be checked;
    /// - anything else is a path.
    ///
    /// # Errors
    /// [`SourceError`] says what was expected.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let found = || text.to_owned();
        if text.is_empty() || text == "none" {
            return Ok(Self::None);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Path(text.into()));
        };
        match scheme {
            "torchvision" => {
                let (model, weights) = rest.split_once('/').unwrap_or((rest, "DEFAULT"));
                let file = torchvision::file(model, weights)
                    .map_err(|available| SourceError::Torchvision { found: found(), available })?;
                Ok(Self::Remote(Remote {
                    url: format!("{}{file}", torchvision::FOLDER),
                    sha256: torchvision::digest(file).map(str::to_owned),
                }))
            }
            "hf" => {
                let mut parts = rest.splitn(3, '/');
                let (Some(owner), Some(name)) = (parts.next(), parts.next()) else {
                    return Err(SourceError::Scheme { found: found() });
                };
                if owner.is_empty() || name.is_empty() {
                    return Err(SourceError::Scheme { found: found() });
                }
                let file = parts.next().unwrap_or("model.safetensors");
                let url = format!("https://huggingface.co/{owner}/{name}/resolve/main/{file}");
                Ok(Self::Remote(Remote { url, sha256: None }))
            }
            "https" => Self::address(text),
            "http" if is_local(rest) => Self::address(text),
            "http" => Err(SourceError::Insecure { found: found() }),
            _ => Err(SourceError::Scheme { found: found() }),
        }
    }

    fn address(text: &str) -> Result<Self, SourceError> {
        let (url, fragment) = text.split_once('#').map_or((text, None), |(u, f)| (u, Some(f)));
        let sha256 = match fragment {
            None => None,
            Some(fragment) => {
                let digits = fragment.strip_prefix("sha256=").filter(|digits| {
                    digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
                });
                let digits =
                    digits.ok_or_else(|| SourceError::Digest { found: text.to_owned() })?;
                Some(digits.to_ascii_lowercase())
            }
        };
        Ok(Self::Remote(Remote { url: url.to_owned(), sha256 }))
    }

    /// The file: fetched into the cache where it is not there yet. `progress` is told (bytes so
    /// far, bytes in all where the server says). `None` where there are to be no weights.
    ///
    /// # Errors
    /// [`DownloadError`], which names the address and says which file to put where by hand.
    pub fn locate(
        &self,
        progress: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<Option<PathBuf>, DownloadError> {
        match self {
            Self::None => Ok(None),
            Self::Path(path) => Ok(Some(path.clone())),
            Self::Remote(remote) => download::fetch(remote, progress).map(Some),
        }
    }
}

/// Whether an address is this machine's: encryption would protect nothing.
fn is_local(rest: &str) -> bool {
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    matches!(host, "localhost" | "127.0.0.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, sha256: Option<&str>) -> Source {
        Source::Remote(Remote { url: url.into(), sha256: sha256.map(str::to_owned) })
    }

    #[test]
    fn every_way_to_name_weights_is_understood() {
        assert_eq!(Source::parse("none"), Ok(Source::None));
        assert_eq!(Source::parse(""), Ok(Source::None));
        assert_eq!(Source::parse("a/b.pth"), Ok(Source::Path("a/b.pth".into())));
        let folder = "https://download.pytorch.org/models/";
        let v1 = remote(&format!("{folder}resnet18-f37072fd.pth"), Some("f37072fd"));
        assert_eq!(Source::parse("torchvision://resnet18/IMAGENET1K_V1").as_ref(), Ok(&v1));
        assert_eq!(Source::parse("torchvision://resnet18"), Ok(v1));
        let v2 = remote(&format!("{folder}resnet50-11ad3fa6.pth"), Some("11ad3fa6"));
        assert_eq!(Source::parse("torchvision://resnet50/DEFAULT"), Ok(v2));
        let hub = "https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/";
        let file = remote(&format!("{hub}model.safetensors"), None);
        assert_eq!(Source::parse("hf://timm/resnet18.a1_in1k"), Ok(file));
        let file = remote(&format!("{hub}pytorch_model.bin"), None);
        assert_eq!(Source::parse("hf://timm/resnet18.a1_in1k/pytorch_model.bin"), Ok(file));
        let digest = "AB".repeat(32);
        let checked = Source::parse(&format!("https://a.b/c.pth#sha256={digest}"));
        assert_eq!(checked, Ok(remote("https://a.b/c.pth", Some(&digest.to_lowercase()))));
        assert!(matches!(Source::parse("http://127.0.0.1:80/c.pth"), Ok(Source::Remote(_))));
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_would() {
        let error = |text: &str| Source::parse(text).unwrap_err().to_string();
        assert!(error("ftp://a/b").contains("torchvision://MODEL/WEIGHTS"));
        assert!(error("hf://timm").contains("hf://OWNER/NAME"));
        assert!(error("http://a.b/c.pth").contains("https alone"));
        assert!(error("torchvision://resnet18/V9").contains("IMAGENET1K_V1 for it"));
        assert!(error("torchvision://alexnet").contains("no weights for that model"));
        assert!(error("https://a.b/c#sha256=12").contains("64 hexadecimal digits"));
    }
}
