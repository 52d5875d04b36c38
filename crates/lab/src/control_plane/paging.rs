//! Pages of listings. A token names the last entry of its page, so a page is right whatever comes and goes.

use serde_json::{Value, json};

use super::{
    answer::{Refusal, Reply},
    input::Input,
};

/// A page of sorted texts.
pub(super) fn page(input: Input<'_>, member: &str, all: &[String]) -> Reply {
    let (part, token) = slice(input, all, |text| text.clone())?;
    Ok(with_token(json!({member: part}), token))
}

/// The entries after the token, and the token of the next page. `key` must grow along `all`.
pub(super) fn slice<T: Clone>(
    input: Input<'_>,
    all: &[T],
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let most = match input.number("maxResults") {
        None => 100,
        Some(number @ 1..=100) => usize::try_from(number).unwrap_or(100),
        Some(_) => return Err(Refusal::parameter("maxResults must be between 1 and 100.")),
    };
    let after = match input.text("nextToken") {
        None => None,
        Some(token) => Some(decode(token).ok_or_else(|| Refusal::parameter("Invalid token."))?),
    };
    let from = after.map_or(0, |after| all.partition_point(|entry| key(entry) <= after));
    let part: Vec<T> = all.iter().skip(from).take(most).cloned().collect();
    let more = from + part.len() < all.len();
    let token = part.last().filter(|_| more).map(|last| encode(&key(last)));
    Ok((part, token))
}

/// The answer with its token, which the last page has not.
pub(super) fn with_token(mut answer: Value, token: Option<String>) -> Value {
    if let (Some(token), Some(members)) = (token, answer.as_object_mut()) {
        members.insert("nextToken".to_owned(), Value::String(token));
    }
    answer
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn decode(token: &str) -> Option<String> {
    let digits: Vec<u8> =
        token.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    let bytes = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(high << 4 | low),
        _ => None,
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Input, page};

    #[test]
    fn pages_hold_everything_once() {
        let all: Vec<String> = (0..250).map(|number| format!("arn:{number:03}")).collect();
        let mut seen = Vec::new();
        let mut input = json!({"maxResults": 100});
        let mut sizes = Vec::new();
        loop {
            let answer = page(Input::of(&input).unwrap(), "arns", &all).unwrap();
            let part = answer["arns"].as_array().unwrap();
            sizes.push(part.len());
            seen.extend(part.iter().map(|arn| arn.as_str().unwrap().to_owned()));
            match answer.get("nextToken") {
                Some(token) => input["nextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!((seen, sizes), (all.clone(), vec![100, 100, 50]));
        for bad in [json!({"nextToken": "xyz"}), json!({"nextToken": "f"}), json!({"maxResults": 101})] {
            assert!(page(Input::of(&bad).unwrap(), "arns", &all).is_err());
        }
    }
}
