import Crypto
import ServiceDesk

/// The pages of surveys: HTML that is whole in itself, without scripts and without anything from elsewhere.
enum SurveyPage {
    private static let style = """
        body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:3em auto;padding:0 1em;color:#222;background:#fff}
        h1{font-size:1.4em}fieldset{border:0;padding:0;margin:1.2em 0}legend,label.line{font-weight:600}
        textarea,select{width:100%;box-sizing:border-box;font:inherit;padding:.4em}
        button{font:inherit;padding:.5em 1.1em;cursor:pointer}button.number{min-width:2.9em;margin:.1em;padding:.5em 0}
        button.chosen{outline:3px solid #246}.problem{border-left:4px solid #b00;padding-left:.8em}
        """

    /// Nothing may be loaded, run or framed; the style is this one, by its hash.
    static let policy: String = {
        let digest = Array(SHA256.hash(data: Array(style.utf8)))
        return
            "default-src 'none'; style-src 'sha256-\(Base64.text(digest))'; form-action 'self'; "
            + "base-uri 'none'; frame-ancestors 'none'"
    }()

    static let thanks = page(
        "Thank you",
        "<p>Your answer has been recorded. You can change it by the same link for some time.</p>")

    static let notFound = page(
        "There is nothing here", "<p>The link is not valid, or its time is over.</p>")

    static func reopened(_ ticket: Int64) -> String {
        page(
            "We are working on it again",
            "<p>Your request #\(ticket) has been opened again, so nothing was recorded. "
                + "You will be asked once more when it is solved.</p>")
    }

    /// - Parameters:
    ///   - chosen: the score of the link or of the form.
    ///   - problem: what was wrong with the answer.
    ///   - comment: what was written, when it is shown again.
    static func open(
        _ survey: OpenSurvey, token: String, chosen: String?, problem: String?,
        comment: String? = nil
    ) -> String {
        switch survey {
        case .reopened(let id): reopened(id)
        case .satisfaction(let ticket, let reasons):
            satisfaction(ticket, reasons, token, chosen, problem, comment)
        case .nps(let known): nps(known, token, chosen, problem, comment)
        }
    }

    private static func satisfaction(
        _ ticket: Ticket, _ reasons: [SatisfactionReason], _ token: String, _ chosen: String?,
        _ problem: String?, _ comment: String?
    ) -> String {
        let known = ticket.satisfaction
        let score = chosen ?? (known.state.isRating ? known.state.score : "")
        func choice(_ value: String, _ text: String) -> String {
            "<label><input type=\"radio\" name=\"score\" value=\"\(value)\" required\(score == value ? " checked" : "")> \(text)</label><br>"
        }
        let options = reasons.map { reason in
            "<option value=\"\(reason.code)\"\(reason.code == known.reasonCode ? " selected" : "")>\(escaped(reason.value))</option>"
        }.joined()
        return form(
            "How did we do?", token, problem,
            """
            <p>Your request #\(ticket.id): \(escaped(ticket.subject))</p>
            <fieldset><legend>How was the help that you got?</legend>
            \(choice("good", "Good, I am satisfied"))\(choice("bad", "Bad, I am not satisfied"))</fieldset>
            <p><label class="line" for="reason">If you are not satisfied, why?</label>
            <select id="reason" name="reason"><option value="0">No reason</option>\(options)</select></p>
            \(words(comment ?? known.comment))
            <p><button type="submit">Send</button></p>
            """)
    }

    private static func nps(
        _ known: NPSSurvey, _ token: String, _ chosen: String?, _ problem: String?,
        _ comment: String?
    ) -> String {
        let score = chosen ?? known.score.map { String($0) }
        let buttons = NPSSurvey.scores.map { number in
            "<button type=\"submit\" class=\"number\(score == String(number) ? " chosen" : "")\" name=\"score\" value=\"\(number)\">\(number)</button>"
        }.joined()
        return form(
            "Would you recommend us?", token, problem,
            """
            \(words(comment ?? known.comment))
            <fieldset><legend>How likely is it that you would recommend us to a friend or colleague?</legend>
            <p>0 is not at all likely, 10 is extremely likely. Your answer is sent when you press a number.</p>
            \(buttons)</fieldset>
            """)
    }

    private static func words(_ comment: String?) -> String {
        // A line's end right after the tag is not part of the text; one more keeps the text's own.
        """
        <p><label class="line" for="comment">Anything you would like to add?</label>
        <textarea id="comment" name="comment" rows="5" maxlength="4000">
        \(escaped(comment ?? ""))</textarea></p>
        """
    }

    private static func form(
        _ title: String, _ token: String, _ problem: String?, _ fields: String
    ) -> String {
        let note = problem.map { "<p class=\"problem\">\(escaped($0))</p>" } ?? ""
        return page(
            title,
            "\(note)<form method=\"post\" action=\"/surveys/\(escaped(token))\">\(fields)</form>")
    }

    private static func page(_ title: String, _ body: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>\(title)</title><style>\(style)</style></head>
        <body><h1>\(title)</h1>\(body)</body></html>

        """
    }

    /// Text as HTML text or as a value between quotation marks.
    static func escaped(_ text: String) -> String {
        var html: [UInt8] = []
        html.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "<"): html.append(contentsOf: "&lt;".utf8)
            case UInt8(ascii: ">"): html.append(contentsOf: "&gt;".utf8)
            case UInt8(ascii: "&"): html.append(contentsOf: "&amp;".utf8)
            case UInt8(ascii: "\""): html.append(contentsOf: "&quot;".utf8)
            case UInt8(ascii: "'"): html.append(contentsOf: "&#39;".utf8)
            default: html.append(byte)
            }
        }
        return String(decoding: html, as: UTF8.self)
    }
}

/// Base64 as RFC 4648, section 4, has it: with padding, and not for addresses.
private enum Base64 {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for place in 0..<3 {
                word = word << 8 | (place < group.count ? UInt32(group[start + place]) : 0)
            }
            for place in 0..<4 {
                let digit = alphabet[Int(word >> UInt32(18 - 6 * place) & 63)]
                text.append(place <= group.count ? digit : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
