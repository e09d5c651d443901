//! What REST and GraphQL have in common: the table of errors, the cursors of lists and the texts that lists are searched
//! for. A client may go on with a cursor of one API in the other.

mod cursor;
mod error;
mod search;

pub use cursor::Seal;
pub use error::{INTERNAL, INVALID_CURSOR, MISSING_TOKEN, UNAVAILABLE, message_of, status_of};
pub use search::search_text;
