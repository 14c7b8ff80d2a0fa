import HTTPTypes
import Testing

@testable import SupportAPI

/// Surveys over HTTP: ratings, reasons, and the pages behind signed links.
struct SatisfactionAPITests {
    private static let form = ["Content-Type": "application/x-www-form-urlencoded"]

    private static func trigger(_ desk: Harness, _ field: String, _ value: String) async throws {
        _ = try await desk.make(
            "triggers", "trigger",
            #""title":"\#(field)","all":[{"field":"status","operator":"is","value":"solved"}],"actions":[{"field":"\#(field)","value":\#(value)}]"#
        )
    }

    /// A solved ticket of the end user's, and the path of its survey.
    private static func offered(_ desk: Harness, subject: String = "Jam") async throws -> (
        id: Int64, path: String
    ) {
        let id = try await desk.make(
            "tickets", "ticket",
            #""subject":"\#(subject)","comment":{"body":"Tray"},"requester_id":\#(desk.id(.endUser)),"status":"solved","assignee_id":\#(desk.id(.admin))"#
        )
        let notices = try await desk.call(.admin, .get, "/api/v2/lodge/notices?ticket_id=\(id)")
        let body = notices.body["notices"]?.items.last?["body"]?.text ?? ""
        return (id, try #require(path(in: body)))
    }

    private static func path(in body: String) -> String? {
        body.firstRange(of: "/surveys/").map { start in
            String(body[start.lowerBound...].prefix { !$0.isWhitespace && $0 != "?" })
        }
    }

    @Test func aRequesterRatesAndTheTicketSaysSo() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "satisfaction_score", #""offered""#)
            let (id, _) = try await Self.offered(desk)
            let ticket = "/api/v2/tickets/\(id)"
            func rating() async throws -> JSONValue? {
                try await desk.call(.admin, .get, ticket).body["ticket"]?["satisfaction_rating"]
            }
            #expect(try await rating()?["score"]?.text == "offered")
            let body =
                #"{"satisfaction_rating":{"score":"bad","comment":"Slow \"indeed\"","reason_code":5}}"#
            let path = "\(ticket)/satisfaction_rating.json"
            for asker in [Asker.admin, .agent] {
                #expect(try await desk.call(asker, .post, path, body).status == 403)
            }
            let key = ["Idempotency-Key": "r1"]
            let rated = try await desk.call(.endUser, .post, path, body, headers: key)
            #expect(rated.status == 200, "\(rated.text)")
            #expect(rated.header("X-Lodge-Position") != nil)
            let one = rated.body["satisfaction_rating"]
            #expect(one?["score"]?.text == "bad")
            #expect(one?["reason"]?.text == "The issue took too long to resolve")
            #expect(one?["reason_id"]?.number == 5)
            #expect(one?["ticket_id"]?.number == id)
            #expect(one?["assignee_id"]?.number == desk.id(.admin))
            let again = try await desk.call(.endUser, .post, path, body, headers: key)
            #expect(again.header("x-idempotency-lookup") == "hit" && again.text == rated.text)
            #expect(try await rating()?["comment"]?.text == "Slow \"indeed\"")
            #expect(try await rating()?["id"]?.number == one?["id"]?.number)
            let number = one?["id"]?.number ?? 0
            for asker in [Asker.admin, .agent, .endUser] {
                let list = try await desk.call(asker, .get, "/api/v2/satisfaction_ratings")
                #expect(
                    list.body["satisfaction_ratings"]?.items.map { $0["id"]?.number } == [number])
                #expect(list.body["count"]?.number == 1)
                let shown = try await desk.call(
                    asker, .get, "/api/v2/satisfaction_ratings/\(number)")
                #expect(shown.body["satisfaction_rating"] == one)
                let count = try await desk.call(asker, .get, "/api/v2/satisfaction_ratings/count")
                #expect(count.body["count"]?["value"]?.number == 1)
            }
            let none = try await desk.call(
                .admin, .get, "/api/v2/satisfaction_ratings?score=good&page[size]=5")
            #expect(none.body["satisfaction_ratings"] == .array([]))
            #expect(none.body["meta"]?["has_more"] == .bool(false))
            for query in ["score=great", "start_time=x", "end_time=-1"] {
                let refused = try await desk.call(
                    .admin, .get, "/api/v2/satisfaction_ratings?\(query)")
                #expect(refused.status == 400, "\(query)")
            }
            let audits = try await desk.call(.admin, .get, "\(ticket)/audits").body["audits"]
            let event = audits?.items.last?["events"]?.items.first {
                $0["type"]?.text == "SatisfactionRating"
            }
            #expect(event?["score"]?.text == "bad" && event?["body"]?.text == "Slow \"indeed\"")
            #expect(event?["assignee_id"]?.number == desk.id(.admin))
            for score in [#""offered""#, "null", #""good_with_comment""#] {
                let refused = try await desk.call(
                    .endUser, .post, path, #"{"satisfaction_rating":{"score":\#(score)}}"#)
                #expect(refused.status == 422)
            }
        }
    }

    @Test func aPageShowsAndOnlyTheButtonRecords() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "satisfaction_score", #""offered""#)
            let nasty = #"<script>alert('1')</script> & \"x\""#
            let (id, path) = try await Self.offered(desk, subject: nasty)
            let ticket = "/api/v2/tickets/\(id)"
            let before = try await desk.call(.admin, .get, ticket).text
            for link in [path, "\(path)?score=bad", "\(path)?score=bad&comment=x&reason=5"] {
                let page = try await desk.call(.anonymous, .get, link)
                #expect(page.status == 200)
                #expect(page.header("Content-Type") == "text/html; charset=utf-8")
                let policy = page.header("Content-Security-Policy") ?? ""
                #expect(policy.hasPrefix("default-src 'none'; style-src 'sha256-"))
                #expect(policy.contains("frame-ancestors 'none'"))
                #expect(page.header("Cache-Control") == "no-store")
                #expect(page.header("Referrer-Policy") == "no-referrer")
                #expect(page.header("ETag") == nil)
                for part in ["<script", "http:", "https:", "<img", "<link", "alert('", " on"] {
                    #expect(
                        !page.text.split(separator: "<style>").joined().contains(part)
                            || part == " on", "\(part)")
                }
                #expect(
                    page.text.contains(
                        "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"))
                let isBad = page.text.contains(#"value="bad" required checked"#)
                #expect(isBad == link.contains("score=bad"))
            }
            let head = try await desk.call(.anonymous, .head, "\(path)?score=bad")
            #expect(head.status == 200 && head.text.isEmpty)
            // Whatever opens links in mails has changed nothing.
            #expect(try await desk.call(.admin, .get, ticket).text == before)
            let sent = try await desk.call(
                .anonymous, .post, path,
                "score=bad&comment=Too+slow%2C%0D%0A%3Cb%3Ereally%3C%2Fb%3E&reason=5",
                headers: Self.form)
            #expect(sent.status == 200 && sent.text.contains("Thank you"))
            #expect(sent.header("X-Lodge-Position") != nil)
            func rating() async throws -> JSONValue? {
                try await desk.call(.admin, .get, ticket).body["ticket"]?["satisfaction_rating"]
            }
            #expect(try await rating()?["comment"]?.text == "Too slow,\n<b>really</b>")
            #expect(try await rating()?["reason_id"]?.number == 5)
            let page = try await desk.call(.anonymous, .get, path)
            #expect(page.text.contains("Too slow,\n&lt;b&gt;really&lt;/b&gt;</textarea>"))
            #expect(page.text.contains(#"<option value="5" selected>"#))
            // One step, without the form.
            let step = try await desk.call(.anonymous, .post, "\(path)?score=good")
            #expect(step.status == 200)
            #expect(try await rating()?["score"]?.text == "good")
            #expect(try await rating()?["comment"]?.text == "Too slow,\n<b>really</b>")
            let audits = try await desk.call(.admin, .get, "\(ticket)/audits").body["audits"]
            #expect(audits?.items.last?["author_id"]?.number == desk.id(.endUser))
            #expect(audits?.items.last?["via"]?["channel"]?.text == "web")
        }
    }

    @Test func whatCannotBeTakenIsShownAgain() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "satisfaction_score", #""offered""#)
            let (id, path) = try await Self.offered(desk)
            let long = String(repeating: "%C3%A4", count: 2049)
            for (body, words) in [
                ("", "Please choose an answer."), ("score=", "Please choose an answer."),
                ("score=great", "Score: must be good or bad"),
                ("score=bad&reason=77&comment=kept%3C", "Reason: does not exist"),
                ("score=good&comment=\(long)", "Comment: is too long"),
                ("score=%zz", "Please choose an answer."),
            ] {
                let page = try await desk.call(
                    .anonymous, .post, path, body, headers: Self.form)
                #expect(page.status == 422)
                #expect(page.text.contains(words), "\(body.prefix(40))")
                if body.contains("kept") { #expect(page.text.contains("kept&lt;</textarea>")) }
            }
            let ticket = try await desk.call(.admin, .get, "/api/v2/tickets/\(id)")
            let rating = ticket.body["ticket"]?["satisfaction_rating"]
            #expect(rating?["score"]?.text == "offered")
        }
    }

    @Test func allThatDoesNotOpenLooksTheSame() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "satisfaction_score", #""offered""#)
            let (id, path) = try await Self.offered(desk)
            let (gone, lost) = try await Self.offered(desk)
            _ = try await desk.call(.admin, .delete, "/api/v2/tickets/\(gone)")
            var forged = path
            forged.removeLast()
            forged += path.hasSuffix("A") ? "B" : "A"
            var pages: Set<String> = []
            for wrong in [
                "/surveys/x", "/surveys/\(String(repeating: "A", count: 72))", forged, lost,
                "/surveys/%00", "/surveys/\(String(repeating: "z", count: 5000))",
            ] {
                for method in [HTTPRequest.Method.get, .post] {
                    let page = try await desk.call(
                        .anonymous, method, wrong, method == .get ? nil : "score=good")
                    #expect(page.status == 404, "\(wrong.prefix(40)) \(method)")
                    pages.insert(page.text)
                }
            }
            // The other desk has the same node, and another key.
            let foreign = try await desk.call(
                .anonymous, .get, path, host: "globex.desk.example")
            #expect(foreign.status == 404)
            pages.insert(foreign.text)
            desk.clock.advance(seconds: 61 * 86_400)
            let late = try await desk.call(.anonymous, .post, path, "score=good")
            #expect(late.status == 404)
            pages.insert(late.text)
            #expect(pages.count == 1)
            let ticket = try await desk.call(.admin, .get, "/api/v2/tickets/\(id)")
            #expect(ticket.body["ticket"]?["satisfaction_rating"]?["score"]?.text == "offered")
        }
    }

    @Test func aTicketThatIsOpenAgainIsNotRated() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "satisfaction_score", #""offered""#)
            let (id, path) = try await Self.offered(desk)
            let ticket = "/api/v2/tickets/\(id)"
            _ = try await desk.call(.admin, .put, ticket, #"{"ticket":{"status":"open"}}"#)
            let page = try await desk.call(.anonymous, .get, path)
            #expect(page.status == 200 && page.text.contains("opened again"))
            #expect(!page.text.contains("<form"))
            let sent = try await desk.call(.anonymous, .post, path, "score=good")
            #expect(sent.status == 409 && sent.text.contains("nothing was recorded"))
            let shown = try await desk.call(.admin, .get, ticket)
            #expect(shown.body["ticket"]?["satisfaction_rating"]?["score"]?.text == "unoffered")
            let refused = try await desk.call(
                .endUser, .post, "\(ticket)/satisfaction_rating",
                #"{"satisfaction_rating":{"score":"good"}}"#)
            #expect(refused.status == 422)
        }
    }

    @Test func strangersHaveALimit() async throws {
        try await Harness.run { desk in
            var statuses: Set<Int> = []
            for _ in 0..<61 {
                statuses.insert(
                    try await desk.call(
                        .anonymous, .get, "/surveys/x", from: "198.51.100.9"
                    ).status)
            }
            #expect(statuses == [404, 429])
        }
    }

    @Test func reasonsAreReadByAgentsAndChangedByAdmins() async throws {
        try await Harness.run { desk in
            let path = "/api/v2/satisfaction_reasons"
            let own = "/api/v2/lodge/satisfaction_reasons"
            func values(_ path: String) async throws -> [String?] {
                try await desk.call(.agent, .get, path).body["reasons"]?.items.map {
                    $0["value"]?.text
                } ?? []
            }
            #expect(try await values(path).count == 5)
            let made = try await desk.call(.admin, .post, own, #"{"reason":{"value":"Colour"}}"#)
            #expect(made.status == 201)
            let id = made.body["reason"]?["id"]?.number ?? 0
            #expect(made.header("Location") == "http://acme.desk.example\(path)/\(id).json")
            #expect(
                try await desk.call(.agent, .post, own, #"{"reason":{"value":"x"}}"#).status == 403)
            let changed = try await desk.call(
                .admin, .put, "\(own)/5", #"{"reason":{"value":"Slow"}}"#)
            #expect(changed.body["reason"]?["value"]?.text == "Slow")
            let stale = try await desk.call(
                .admin, .put, "\(own)/5", #"{"reason":{"value":"Slower"}}"#,
                headers: ["If-Match": "W/\"v0-x\""])
            #expect(stale.status == 412)
            #expect(try await desk.call(.admin, .delete, "\(own)/\(id)").status == 204)
            #expect(try await values(path).contains("Slow"))
            #expect(try await values(path).count == 5)
            #expect(try await values(own).count == 6)
            let shown = try await desk.call(.agent, .get, "\(path)/\(id)")
            #expect(shown.body["reason"]?["deleted_at"]?.text != nil)
            #expect(try await desk.call(.endUser, .get, path).status == 403)
        }
    }

    @Test func peopleAnswerHowLikelyTheyWouldRecommend() async throws {
        try await Harness.run { desk in
            try await Self.trigger(desk, "nps_survey", #"["offered","30"]"#)
            let (_, path) = try await Self.offered(desk)
            let page = try await desk.call(.anonymous, .get, "\(path)?score=9")
            #expect(page.status == 200)
            for number in 0...10 {
                #expect(page.text.contains(#"name="score" value="\#(number)">\#(number)</button>"#))
            }
            #expect(page.text.contains(#"class="number chosen" name="score" value="9""#))
            func responses(_ query: String) async throws -> [JSONValue] {
                try await desk.call(.agent, .get, "/api/v2/lodge/nps/responses?\(query)")
                    .body["responses"]?.items ?? []
            }
            #expect(try await responses("").isEmpty)
            let sent = try await desk.call(
                .anonymous, .post, path, "comment=Fine&score=9", headers: Self.form)
            #expect(sent.status == 200)
            let one = try #require(try await responses("category=promoter").first)
            #expect(one["score"]?.number == 9 && one["comment"]?.text == "Fine")
            #expect(one["user_id"]?.number == desk.id(.endUser))
            #expect(try await responses("category=detractor").isEmpty)
            #expect(try await responses("user_id=\(desk.id(.endUser))&page[size]=1").count == 1)
            #expect(try await responses("start_time=1780000001").isEmpty)
            let id = one["id"]?.number ?? 0
            let shown = try await desk.call(.agent, .get, "/api/v2/lodge/nps/responses/\(id)")
            #expect(shown.body["response"] == one)
            func score(_ query: String) async throws -> JSONValue? {
                try await desk.call(.agent, .get, "/api/v2/lodge/nps/score?\(query)").body["nps"]
            }
            #expect(try await score("")?["score"]?.number == 100)
            #expect(try await score("end_date=2026-05-01")?["score"] == .null)
            let day = "start_date=2026-05-28&end_date=2026-05-28"
            #expect(try await score(day)?["promoters"]?.number == 1)
            for query in [
                "start_date=x", "start_date=2026-05-28&end_date=2026-05-27",
                "start_date=1990-01-01",
            ] {
                let refused = try await desk.call(
                    .agent, .get, "/api/v2/lodge/nps/score?\(query)")
                #expect(refused.status == 400, "\(query)")
            }
            #expect(
                try await desk.call(.agent, .get, "/api/v2/lodge/nps/responses?category=x").status
                    == 400)
            let wrong = try await desk.call(.anonymous, .post, "\(path)?score=11")
            #expect(wrong.status == 422)
            let ours = try await desk.call(.endUser, .get, "/api/v2/lodge/nps/score")
            #expect(ours.status == 403)
        }
    }
}
