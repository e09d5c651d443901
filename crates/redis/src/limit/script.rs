//! The script that counts a batch of hits.

use std::time::Duration;

use entrepot_domain::Quota;
use fred::types::Value;

use super::counter::Answer;

/// The longest window: Redis has no unlimited range.
const MAX_WINDOW: Duration = Duration::from_hours(365 * 24);

/// How many arguments a key has, and how many numbers its answer.
pub(super) const ARGUMENTS: usize = 3;
const NUMBERS: usize = 3;

/// Has three arguments for each key: an operation (a positive number counts so many hits, -1 counts one if it is within
/// the limit, 0 counts none), the limit, and the window in milliseconds. A window begins with the first hit. Returns
/// three numbers for each key: the count, the milliseconds that are left of the window, and 1 for a refused hit.
pub(super) const COUNT: &str = r"
local answers = {}
for i, key in ipairs(KEYS) do
  local operation, limit, window = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
  local count, refused = 0, 0
  if operation > 0 then
    count = redis.call('INCRBY', key, operation)
  elseif operation < 0 then
    count = redis.call('INCR', key)
    if count > limit then
      count, refused = redis.call('DECR', key), 1
    end
  else
    count = tonumber(redis.call('GET', key) or 0)
  end
  local left = redis.call('PTTL', key)
  if left < 0 or left > window then
    redis.call('PEXPIRE', key, window)
    left = window
  end
  answers[3 * i - 2], answers[3 * i - 1], answers[3 * i] = count, left, refused
end
return answers
";

/// What is done with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// Counts so many hits that were let through already.
    Report(u32),
    /// Counts a hit if it is within the limit.
    Hit,
    /// Counts nothing.
    Peek,
}

/// The arguments of one key.
pub(super) fn arguments(operation: Operation, quota: Quota) -> [Value; ARGUMENTS] {
    let operation = match operation {
        Operation::Report(hits) => i64::from(hits),
        Operation::Hit => -1,
        Operation::Peek => 0,
    };
    let window = quota.window.clamp(Duration::from_millis(1), MAX_WINDOW).as_millis();
    [operation, quota.limit.into(), i64::try_from(window).unwrap_or(i64::MAX)].map(Value::Integer)
}

/// Parses the answers of a batch of that many keys.
pub(super) fn parse_answers(value: &Value, keys: usize) -> Option<Vec<Answer>> {
    let Value::Array(numbers) = value else { return None };
    if numbers.len() != keys * NUMBERS {
        return None;
    }
    numbers.chunks_exact(NUMBERS).map(parse_answer).collect()
}

fn parse_answer(numbers: &[Value]) -> Option<Answer> {
    let [Value::Integer(count), Value::Integer(left), Value::Integer(refused)] = numbers else { return None };
    Some(Answer {
        count: u32::try_from(*count).unwrap_or(u32::MAX),
        left: Duration::from_millis(u64::try_from(*left).ok()?),
        refused: *refused == 1,
    })
}
