/// What a kind of ticket says. Words in braces are filled in by `DemoWords`.
struct DemoTopic: Sendable {
    /// A place in `DemoDesk.groups`.
    let group: Int
    let type: String
    let tags: [String]
    let subjects: [String]
    let openings: [String]
    let notes: [String]
    let answers: [String]
    let replies: [String]
    let laterAnswers: [String]
}

enum DemoTopics {
    private static let laterAnswers = [
        "Thanks for writing back, {name}. I have passed it on and will answer again by tomorrow noon.",
        "Understood. That is sorted now; tell me if anything else comes up.",
        "All done on our side, {name}. You should see it within a day.",
        "I checked once more: order {order} is in good hands. Sorry for the back and forth.",
    ]

    static let failure = DemoTopic(
        group: 0, type: "incident", tags: ["thermostat", "batch-2217"],
        subjects: [
            "{product} does not switch off", "{product} keeps boiling ({order})",
            "Boils dry, never stops: {product}",
        ],
        openings: [
            "{hello}, my {product} does not switch itself off any more. It boiled for ten minutes until I pulled the plug. The label underneath says batch 2217.\n\n{thanks}",
            "{hello}, since yesterday the new {product} (order {order}) never stops boiling. Is it safe to use?",
        ],
        notes: [
            "Batch 2217 again. Linked to the problem the factory works on.",
            "Same thermostat as the others. Do not ask for a video, just replace it.",
        ],
        answers: [
            "Hello {name}, please do not use it any longer. A few kettles of batch 2217 have a faulty thermostat; a new one is on its way to you today and you need not send the old one back.",
            "Hello {name}, thank you for telling us the batch. We replace every one of them at once. I have ordered yours under {order}.",
        ],
        replies: [
            "That was quick. Do I need to pay the postage?",
            "The new one came, and it switches off as it should. {thanks}!",
        ], laterAnswers: laterAnswers)

    static let all = [
        DemoTopic(
            group: 0, type: "question", tags: ["delivery"],
            subjects: [
                "Where is order {order}?", "Order {order} is {days} days late",
                "{product} not delivered yet",
            ],
            openings: [
                "{hello}, I ordered a {product} in {color} {days} days ago (order {order}) and have heard nothing since. Could you look where it is?\n\n{thanks}",
                "{hello}, your page said two days, it is {days} now. Order {order}. It is a birthday present!",
            ],
            notes: [
                "Carrier says it has sat in their depot since Monday.",
                "Address had no house number; called the customer.",
            ],
            answers: [
                "Hello {name}, I am sorry for the wait. The parcel was held at the depot; it goes out again today and I will watch it.",
                "Hello {name}, the {color} one ran out for a few days. It left our stock this morning, and I have paid back the postage.",
            ],
            replies: [
                "Still nothing today, I am afraid.", "It arrived just now. {thanks}!",
                "Can it go to my office instead?",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 1, type: "incident", tags: ["broken-part", "warranty"],
            subjects: [
                "Lid of the {product} does not close", "{product} leaks at the handle",
                "Broken on arrival: {product} ({order})",
            ],
            openings: [
                "{hello}, the lid of my {product} springs open when the water boils. I have had it for {days} weeks.\n\n{thanks}",
                "{hello}, there is water under the {color} {product} each morning. I think it comes from the handle. Order {order}.",
            ],
            notes: [
                "Third leak of a {product} this month, tell quality.",
                "Within warranty. Replacement in {color} is in stock.",
            ],
            answers: [
                "Hello {name}, that should not happen. You have two years of warranty: shall I send a new one, or would you rather have {amount} back?",
                "Hello {name}, thank you for the description, that is the seal. I can send the part with a drawing, it takes two minutes and no tools.",
            ],
            replies: [
                "A new one, please, in {color} again.", "The seal fits, no drop since. {thanks}",
                "It leaks again after a week, this is annoying.",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 1, type: "task", tags: ["return"],
            subjects: [
                "Return of order {order}", "Sending back the {color} {product}",
                "How do I return a {product}?",
            ],
            openings: [
                "{hello}, the {color} is not what I expected from the picture. How can I send back order {order}? It is unused.",
                "{hello}, we ordered one {product} too many. May we return it after {days} days?\n\n{thanks}",
            ],
            notes: ["Return label made.", "Goodwill: two days over the limit, accepted."],
            answers: [
                "Hello {name}, of course. The label is attached to the confirmation of order {order}; drop the parcel anywhere and we pay {amount} back when it scans.",
                "Hello {name}, yes, within 30 days and without a reason. Would another colour do instead?",
            ],
            replies: [
                "Sent today. {thanks}", "The shop could not scan the label.",
                "When will I see the money?",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 2, type: "question", tags: ["invoice"],
            subjects: [
                "Invoice for {order} is wrong", "VAT number missing on invoice {order}",
                "Charged twice for {order}",
            ],
            openings: [
                "{hello}, the invoice for order {order} says {amount}, but the offer was lower. Please correct it.\n\n{thanks}",
                "{hello}, our bookkeeping needs our VAT number on the invoice for order {order}. Can you send a new one?",
                "{hello}, {amount} left my account twice for order {order}.",
            ],
            notes: ["Bank shows two bookings, one reversed today.", "New invoice in the archive."],
            answers: [
                "Hello {name}, you are right, the discount was missing. The corrected invoice is in your account, and the difference goes back today.",
                "Hello {name}, I have made a new invoice with your number. The old one is cancelled, nothing to do on your side.",
            ],
            replies: [
                "Received, all correct now.", "The second booking is still there.",
                "Could you put our order number on it as well?",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 0, type: "question", tags: ["how-to"],
            subjects: [
                "Descaling the {product}", "Does the {product} have a keep-warm mode?",
                "Green tea with the {product}",
            ],
            openings: [
                "{hello}, the water here is very hard. How often should I descale the {product}, and with what?",
                "{hello}, can I set my {product} to 80 degrees for green tea? The leaflet does not say.\n\n{thanks}",
            ],
            notes: ["Leaflet of the {product} really has no word about it; told the editors."],
            answers: [
                "Hello {name}, with hard water once a month: half a litre of water, two spoons of citric acid, boil, wait ten minutes, rinse twice.",
                "Hello {name}, yes: press the switch twice within a second, the light turns green at 80 degrees. It keeps warm for 20 minutes.",
            ],
            replies: [
                "That worked at once. {thanks}!", "And is vinegar fine too?",
                "The light stays red, is mine an older one?",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 1, type: "task", tags: ["spare-part"],
            subjects: [
                "Spare filter for {product}", "New base for a {product}", "Spare lid in {color}",
            ],
            openings: [
                "{hello}, do you sell the lime filter of the {product} on its own? Mine fell apart after years of service.",
                "{hello}, I need a new base with cable for my {product}, ours went with the old office.\n\n{thanks}",
            ],
            notes: ["Part is on the shelf, 14 left.", "Base fits all Brook models."],
            answers: [
                "Hello {name}, yes, and it costs less than the postage. I have put one in an envelope for you, with our compliments.",
                "Hello {name}, the part is in stock. I opened order {order} for you; pay when it arrives.",
            ],
            replies: ["Perfect, {thanks}!", "Could you add a second one?"],
            laterAnswers: laterAnswers),
        DemoTopic(
            group: 0, type: "incident", tags: ["complaint", "urgent-tone"],
            subjects: [
                "Third time I write about {order}", "Very disappointed with the {product}",
                "{days} days without an answer",
            ],
            openings: [
                "This is the third time I write about order {order}. Nobody answers the telephone, and the {product} still stands here broken. I expect an answer today.",
                "I paid {amount} for a {product} that lasted {days} days. Do you take your customers seriously at all?",
            ],
            notes: [
                "Found both earlier mails: they went to an address we closed in spring. Forward set up.",
                "Please let me handle this one to the end.",
            ],
            answers: [
                "{name}, you are right to be angry: your earlier mails went to an address nobody reads any more. That is our fault. A new {product} leaves today, and {amount} goes back to you as well.",
                "{name}, I have read all of it, and I will stay with your case until it is done. May I call you this afternoon?",
            ],
            replies: [
                "Thank you for the honest answer. I will wait until Friday.",
                "Fine. The new one works. Consider the matter closed.", "Nobody called.",
            ], laterAnswers: laterAnswers),
        DemoTopic(
            group: 0, type: "question", tags: ["praise"],
            subjects: [
                "Thank you for the {product}", "Ten years with one {product}",
                "Your repair of my {product}",
            ],
            openings: [
                "{hello}, no question today. Our {product} turned ten this week and still boils. You do not read that often enough, I suppose.",
                "{hello}, Tomás helped me with my {color} {product} last week and it was the best service I have had anywhere. Please tell him.",
            ],
            notes: ["Printed and put up in the kitchen."],
            answers: [
                "Hello {name}, you made our day. May we quote you, without your name?",
                "Hello {name}, it hangs in our kitchen now. Thank you for writing!",
            ],
            replies: ["Of course you may."], laterAnswers: laterAnswers),
        DemoTopic(
            group: 0, type: "question", tags: ["wholesale"],
            subjects: [
                "Offer for {days} kettles", "{days} kettles, one for every room",
                "{product} for several offices",
            ],
            openings: [
                "{hello}, we would like {days} {product} in {color} for our guest rooms. Is there a price for that number, and can you deliver on a Tuesday?",
                "{hello}, we move offices and need {days} kettles at two addresses. Could we have one invoice?\n\n{thanks}",
            ],
            notes: ["Twelve percent from ten pieces, agreed with sales.", "Tuesday is fine."],
            answers: [
                "Hello {name}, from ten pieces on we take twelve percent off. The offer is in your mail; Tuesday between eight and noon works.",
                "Hello {name}, two addresses and one invoice are no trouble. Tell me who signs at each door.",
            ],
            replies: ["Accepted, please deliver.", "Could the {color} ones come first?"],
            laterAnswers: laterAnswers),
        DemoTopic(
            group: 0, type: "question", tags: ["international"],
            subjects: [
                "Wasserkocher {product} schaltet ab", "Ma bouilloire {product}",
                "Consulta sobre {product}",
            ],
            openings: [
                "Guten Tag, mein {product} schaltet sich nach einer Minute ab, das Wasser ist dann erst lauwarm. Bestellung {order}. Viele Grüße",
                "Bonjour, le couvercle de ma {product} ne ferme plus depuis {days} jours. Que puis-je faire ? Merci d'avance",
                "Buenos días, ¿la {product} funciona con 110 voltios? Gracias",
            ],
            notes: ["Answered in English, customer is fine with it."],
            answers: [
                "Hello {name}, thank you for your message, I hope English is all right. Please send me the number under the base, then I know which model it is."
            ],
            replies: ["Yes, English is fine. The number is 17-{order}.", "Danke, merci, gracias!"],
            laterAnswers: laterAnswers),
    ]
}
