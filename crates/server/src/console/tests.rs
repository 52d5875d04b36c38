//! Pages as a browser gets them.

use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use fargard_model::FindingState;

use super::fixture::{Console, HOSTILE, MINER, MINER_RUN, SHELL, TASK};

/// Serves the sample pages, to look at them while working on their style:
/// `FARGARD_SAMPLE_ADDRESS=127.0.0.1:8499 cargo test -p fargard-server --lib serve_sample_pages -- --ignored`.
#[tokio::test]
#[ignore = "serves until it is interrupted"]
async fn serve_sample_pages() {
    let address = std::env::var("FARGARD_SAMPLE_ADDRESS").unwrap();
    let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
    let console = Console::with_fleet().await;
    console.fail_checks().await;
    axum::serve(listener, console.into_router()).await.unwrap();
}

/// What is between the first `from` and the next `to`, without blank lines, times and drawings.
fn part(page: &str, from: &str, to: &str) -> String {
    let start = page.find(from).unwrap_or_else(|| panic!("{from:?} is not in {page}"));
    let end = page[start..].find(to).map_or(page.len(), |length| start + length);
    let mut text = String::new();
    for line in without(&without(&page[start..end], "<time ", "</time>", "TIME"), "<svg ", "</svg>", "")
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
    {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// Puts `instead` where something goes from `from` to `to`.
fn without(html: &str, from: &str, to: &str, instead: &str) -> String {
    let mut rest = html;
    let mut text = String::new();
    while let Some((before, element)) = rest.split_once(from) {
        text.push_str(before);
        text.push_str(instead);
        rest = element.split_once(to).unwrap().1;
    }
    text + rest
}

async fn every_page(console: &Console) -> Vec<(String, String)> {
    let mut paths: Vec<String> = [
        "/",
        "/findings",
        "/findings?state=open&priority=Critical&tag=PCI_DSS_11.5.2&since=24h&text=a",
        "/findings?state=nonsense",
        "/findings/0",
        "/tasks",
        "/tasks/unknown",
        "/rules",
        "/coverage",
        "/coverage?status=UNHEALTHY&account=1&cluster=x",
        "/coverage?sort=nonsense",
        "/coverage/unknown",
        "/compliance",
        "/compliance/images",
        "/compliance/images?text=a&host=b&check=426&status=alerted&severity=Critical&app_embedded=true",
        "/compliance/images?status=nonsense",
        "/compliance/images?stage=ci",
        "/compliance/images/0",
        "/compliance/rules?new=1",
        "/compliance/collections?new=1",
        "/compliance/exceptions?new=1",
    ]
    .map(str::to_owned)
    .into();
    paths.push(format!("/tasks/{TASK}"));
    for title in [MINER, MINER_RUN, SHELL, "Terminal shell in container"] {
        paths.push(format!("/findings/{}", console.finding(title).await.0));
    }
    let mut pages = Vec::new();
    for path in paths {
        pages.push((path.clone(), console.page(&path).await));
    }
    pages
}

#[tokio::test]
async fn what_a_process_says_never_becomes_markup() {
    let console = Console::with_fleet().await;
    let mut shown = 0;
    for (path, page) in every_page(&console).await {
        assert!(!page.contains("<script>"), "{path}");
        for hidden in ['\x1b', '\u{202e}'] {
            assert!(!page.contains(hidden), "{path} has {hidden:?} in it");
        }
        shown += page.matches("alert(1)").count();
    }
    assert!(HOSTILE.contains("alert(1)") && shown > 5, "shown {shown} times");
}

#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let console = Console::with_fleet().await;
    let mut pages = every_page(&console).await;
    pages.push(("login".into(), super::login_page(Some("no"), "/").0));
    for (path, page) in pages {
        for inline in
            [" style=", "<style", " onclick=", " onload=", "javascript:", "src=\"http", "href=\"http"]
        {
            assert!(!page.contains(inline), "{path} contains {inline:?}");
        }
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\""), "{path}");
        assert_eq!(page.matches("<h1>").count(), 1, "{path} has one h1");
    }
}

#[tokio::test]
async fn the_process_tree_goes_from_the_oldest_ancestor_to_the_call() {
    let console = Console::with_fleet().await;
    let page = console.page(&format!("/findings/{}", console.finding(MINER_RUN).await.0)).await;
    insta::assert_snapshot!("process_tree", part(&page, "<div class=\"tree\">", "</section>"));
    insta::assert_snapshot!("why_it_matched", part(&page, "id=\"why-title\"", "</section>"));
}

#[tokio::test]
async fn a_check_says_its_cause_and_what_it_is_about() {
    let console = Console::with_fleet().await;
    let page = console.page(&format!("/findings/{}", console.finding(MINER).await.0)).await;
    insta::assert_snapshot!("check", part(&page, "id=\"cause-title\"", "</section>"));
}

#[tokio::test]
async fn a_list_shows_what_its_url_says() {
    let console = Console::with_fleet().await;
    let page = console.page("/findings?state=open&priority=Critical&text=xmrig").await;
    insta::assert_snapshot!("restrictions", part(&page, "<ul class=\"restrictions\"", "</ul>"));
    insta::assert_snapshot!("row", part(&page, "<tr data-row>", "</tr>"));
    assert!(page.contains(">2 found<") && !page.contains(SHELL));
    assert!(page.contains("/api/v1/findings?state=open&#38;priority=Critical&#38;text=xmrig"));
}

#[tokio::test]
async fn pages_follow_each_other_and_keep_their_filters() {
    let console = Console::with_fleet().await;
    let page = console.page("/findings?state=open&limit=2").await;
    let link = part(&page, "<nav class=\"pages\"", "</nav>");
    let next = link.split("href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.starts_with("/findings?state=open&limit=2&cursor="), "{next}");
    let second = console.page(&next).await;
    assert!(second.contains("First page"));
    let first_row = |page: &str| part(page, "<tr data-row>", "</tr>");
    assert_ne!(first_row(&page), first_row(&second));
}

#[tokio::test]
async fn findings_change_state_with_a_note_and_the_way_back() {
    let console = Console::with_fleet().await;
    let (miner, _) = console.finding(MINER).await;
    let (run, _) = console.finding(MINER_RUN).await;
    let form =
        format!("id={miner}&id={run}&state=suppressed&note=known+%3Cb%3E&back=%2Ffindings%3Fstate%3Dopen");
    let answer = console.send("/findings/state", &form).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[header::LOCATION], "/findings?state=open");
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("fargard_done=suppressed.2;") && cookie.contains("HttpOnly"), "{cookie}");
    assert_eq!(console.finding(MINER).await.1, FindingState::Suppressed);
    assert_eq!(console.finding(MINER_RUN).await.1, FindingState::Suppressed);
    let page = console.page(&format!("/findings/{miner}")).await;
    insta::assert_snapshot!("history", part(&page, "<ol class=\"history\">", "</ol>"));
}

#[tokio::test]
async fn what_was_done_is_said_once() {
    let console = Console::with_fleet().await;
    let request = Request::get("/findings")
        .header(header::COOKIE, "fargard_theme=dark; fargard_done=closed.2")
        .body(Body::empty())
        .unwrap();
    let answer = console.ask(request).await;
    let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("fargard_done=;") && cookie.contains("Max-Age=0"), "{cookie}");
    let body = axum::body::to_bytes(answer.into_body(), 8 << 20).await.unwrap();
    let page = std::str::from_utf8(&body).unwrap();
    assert!(page.contains("2 findings closed.") && page.contains("data-theme=\"dark\""));
}

#[tokio::test]
async fn a_change_that_is_none_is_refused_and_changes_nothing() {
    let console = Console::with_fleet().await;
    let (id, before) = console.finding(MINER).await;
    for form in [format!("id={id}&state=gone"), format!("id={id}&id=x&state=closed"), "%%%".to_owned()] {
        let answer = console.send("/findings/state", &form).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{form}");
    }
    assert_eq!(console.finding(MINER).await.1, before);
}

#[tokio::test]
async fn the_theme_is_kept_in_a_cookie_and_nothing_else_is() {
    let console = Console::empty();
    let answer = console.send("/theme", "theme=dark&back=%2Ftasks").await;
    assert_eq!(answer.headers()[header::LOCATION], "/tasks");
    assert!(answer.headers()[header::SET_COOKIE].to_str().unwrap().starts_with("fargard_theme=dark;"));
    let answer = console.send("/theme", "theme=dark%0d%0aX&back=%2F%2Fevil").await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn empty_pages_name_the_next_command() {
    let console = Console::empty();
    for path in ["/", "/findings", "/tasks"] {
        let page = console.page(path).await;
        assert!(page.contains("fargard demo"), "{path}");
        assert!(page.contains("fargard watch --server http://127.0.0.1:8440 -- COMMAND"), "{path}");
    }
}

#[tokio::test]
async fn what_is_wrong_has_a_page_that_says_it() {
    let console = Console::with_fleet().await;
    for (path, part) in [
        ("/findings/0123456789abcdef0123456789abcdef", "There is no finding 0123456789abcdef"),
        ("/tasks/local:nowhere:1", "There is no task local:nowhere:1."),
        ("/findings?state=nonsense", "use one of open, acknowledged, suppressed, closed"),
        ("/coverage/arn:aws:ecs:x", "There is no cluster arn:aws:ecs:x."),
        ("/coverage?order=up", "use asc or desc"),
        ("/findings?cursor=%00", "NUL"),
        ("/findings?cursor=garbage", "the cursor is not one this server gave out"),
    ] {
        let page = console.page(path).await;
        assert!(page.contains(part), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_task_tells_what_its_sensor_lost_and_why() {
    let console = Console::with_fleet().await;
    let page = console.page(&format!("/tasks/{TASK}")).await;
    insta::assert_snapshot!("sensor", part(&page, "<section class=\"sensor\"", "</section>"));
    assert!(page.contains("1,318 calls lost"));
}

#[tokio::test]
async fn a_cluster_shows_what_is_wrong_and_what_to_do() {
    let console = Console::empty();
    assert!(console.page("/coverage").await.contains("fargard coverage sweep --region eu-west-1"));
    let arn = console.cover_hostile_cluster().await;
    let page = console.page("/coverage").await;
    insta::assert_snapshot!("coverage_row", part(&page, "<tr data-row>", "</tr>"));
    assert!(page.contains("0.0 %"));
    assert!(console.page("/coverage?status=HEALTHY").await.contains("No cluster matches."));
    let page = console.page(&format!("/coverage/{arn}")).await;
    assert!(!page.contains("<script>") && !page.contains('\x1b'), "{page}");
    insta::assert_snapshot!("coverage_issues", part(&page, "<section class=\"issue\"", "</section>"));
    insta::assert_snapshot!("coverage_task", part(&page, "<tr data-row>", "</tr>"));
}

/// The first link on a page that begins so.
fn first_link(page: &str, start: &str) -> String {
    let from = page.find(&format!("href=\"{start}")).unwrap_or_else(|| panic!("no {start} in {page}"));
    page[from..].split('"').nth(1).unwrap().to_owned()
}

#[tokio::test]
async fn deployed_images_show_their_host_their_checks_and_what_decided() {
    let console = Console::with_fleet().await;
    let page = console.page("/compliance/images").await;
    insta::assert_snapshot!("image_row", part(&page, "<tr data-row>", "</tr>"));
    let id = first_link(&page, "/compliance/images/");
    let page = console.page(&id).await;
    insta::assert_snapshot!("image_check", part(&page, "<details class=\"check\" open>", "</details>"));
    assert!(console.page("/compliance/images?app_embedded=true").await.contains("No image matches."));
    assert!(console.page("/compliance/images?check=426&host=4711").await.contains("/compliance/images/"));
    assert!(console.page("/compliance").await.contains("No check of a running task has a result"));
    console.fail_checks().await;
    let page = console.page("/compliance/images?family=checkout-api").await;
    assert_eq!(
        page.matches("<tr data-row>").count(),
        2,
        "containers of one image in one task are one row: {page}"
    );
    assert!(page.contains("checkout-api</span> <span class=\"chip\">worker</span>"), "{page}");
    let page = console.page("/compliance").await;
    insta::assert_snapshot!("standard", part(&page, "aria-labelledby=\"pci_dss-title\"", "</details>"));
}

#[tokio::test]
async fn a_rule_is_made_changed_moved_and_removed_and_counts_at_once() {
    let console = Console::with_fleet().await;
    let send = async |page: &str, form: &str| console.send(page, form).await.status();
    let collection =
        "action=save&revision=0&original=&name=my+tasks&description=&hosts=fargate-vulnerability-*";
    assert_eq!(send("/compliance/collections", collection).await, StatusCode::SEE_OTHER);
    let rule = |revision: u32, original: &str, effect: &str| {
        format!(
            "action=save&revision={revision}&original={original}&name=miners&notes=&stage=any&collection=my+tasks\
             &check-426={effect}&check-425=&others=ignore&more=9000%3Dfail"
        )
    };
    let refused = console.send("/compliance/rules", &rule(1, "", "block")).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body = axum::body::to_bytes(refused.into_body(), 8 << 20).await.unwrap();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.contains("the block action doesn&#39;t apply to Fargate tasks"), "{body}");
    assert!(body.contains("value=\"miners\""), "what was entered is still there");
    assert_eq!(send("/compliance/rules", &rule(1, "", "alert")).await, StatusCode::SEE_OTHER);
    let listed = console.page("/compliance/images?status=alerted&rule=miners&collection=my+tasks").await;
    assert!(listed.contains("<tr data-row>"), "{listed}");
    assert_eq!(send("/compliance/rules", &rule(2, "miners", "ignore")).await, StatusCode::SEE_OTHER);
    assert!(console.page("/compliance/images?status=alerted").await.contains("No image matches."));
    assert!(console.page("/compliance/images?status=ignored").await.contains("<tr data-row>"));
    let stale = send("/compliance/rules", "action=disable&revision=1&original=miners").await;
    assert_eq!(stale, StatusCode::UNPROCESSABLE_ENTITY, "made of an older revision");
    let page = console.page("/compliance/rules").await;
    insta::assert_snapshot!("policy_rule", part(&page, "<ol class=\"policy-list\">", "</ol>"));
    let in_use = send("/compliance/collections", "action=delete&revision=3&original=my+tasks").await;
    assert_eq!(in_use, StatusCode::UNPROCESSABLE_ENTITY, "a rule names it");
    let exception = "action=save&revision=3&original=&name=bench&check=426&collection=All&owner=ada&expires=2999-01-01\
                     &subjects=%2Ftmp%2F*&reason=";
    assert_eq!(send("/compliance/exceptions", exception).await, StatusCode::SEE_OTHER);
    assert_eq!(
        send("/compliance/rules", "action=delete&revision=4&original=miners").await,
        StatusCode::SEE_OTHER
    );
    let page = console.page("/compliance/images").await;
    let page = console.page(&first_link(&page, "/compliance/images/")).await;
    assert!(page.contains("Decided by exception “bench”."), "{page}");
    for form in ["action=save&revision=5&name=x&stage=any&others=explode", "action=x&revision=5", "%%%"] {
        assert_eq!(send("/compliance/rules", form).await, StatusCode::BAD_REQUEST, "{form}");
    }
}
