/// The words that made-up tickets are written in.
enum Vocabulary {
    /// Ordinary words, in no grammar; the first ones are taken often.
    static let words = split(
        """
        the a to and of i it is in we not for on that this have my you with be was but at when
        are can so an if as after our from no or your there has they all since would any which
        will been please just then only one now out still time two again does more than before
        what how some get did about also by could them us yesterday today morning week every
        other new back same made see account address alert amount answer app arrived assigned
        attached average battery bill billing blank blocked box broken browser button cable
        calendar call cancelled card change charge charged checkout code colleague color company
        computer confirm connection contract copy customer damaged data date deadline delayed
        deleted delivery device discount document double download driver email empty enabled
        error escalated export failed fault field file filter form frozen guest half headset
        import invoice item keyboard label language laptop late license limit line link list
        locked login lost machine mail manager meeting message missing mobile monitor month
        moved network number office old open order outage page paid paper parcel password
        payment phone plan port price printer problem product profile purchase queue quote rate
        receipt record refund region release remote renewal report request reset return router
        sales scanner screen screenshot search seat security sent server service setting setup
        shared shift shipment shop signature slow software spam speed stock stopped store
        subscription support switch sync system tablet team template test ticket total tracking
        training transfer trial twice update upgrade upload user vendor version video visit
        warning warranty website window wireless wrong
        """)

    /// What a ticket is about: the second word of its subject and of nothing else, so that it is known what a search must find.
    static let topics = split(
        """
        kettle projector elevator thermostat badge turnstile dishwasher forklift compressor
        generator beamer blinds carpet ceiling chiller detector dimmer dispenser drawer fountain
        furnace gasket hinge hoist humidifier intercom keypad ladder locker magnet mixer nozzle
        ottoman oven pallet pump radiator ramp sensor shelf shutter sink socket sprinkler
        stapler tripod valve whiteboard
        """)

    private static func split(_ text: String) -> [[UInt8]] {
        text.split { $0 == " " || $0 == "\n" }.map { Array($0.utf8) }
    }
}
