import Testing

@testable import Measurement

@Suite struct AxisTests {
    @Test func linearTicksAreRoundAndHoldTheValues() {
        #expect(Axis(.linear, [3, 870]).ticks == [0, 200, 400, 600, 800, 1000])
        #expect(Axis(.linear, [0.07]).ticks.count >= 3)
        #expect(Axis(.linear, [0, 59], ticks: 6, isTight: true).ticks == [0, 10, 20, 30, 40, 50])
        #expect(Axis(.linear, [0, 59], isTight: true).share(59) == 1)
    }

    @Test func logarithmicTicksAreRoundAndHoldTheValues() {
        let axis = Axis(.logarithmic, [420, 120_000])
        #expect(axis.ticks == [100, 1000, 10_000, 100_000, 1_000_000])
        #expect(axis.share(100) == 0)
        #expect(abs(axis.share(10_000) - 0.5) < 1e-9)
        #expect(Axis(.logarithmic, [250, 700]).ticks == [200, 500, 1000])
    }

    @Test func percentilesAreFarApartByNines() {
        let axis = Axis(.percentile, [0, 50, 99.99])
        #expect(axis.ticks.map { ($0 * 1000).rounded() / 1000 } == [0, 90, 99, 99.9, 99.99])
        #expect(abs(axis.share(90) - 0.25) < 1e-6)
        #expect(abs(axis.share(99) - 0.5) < 1e-6)
    }

    @Test(arguments: [[], [0], [-1], [Double.nan], [1e300, -1e300], [1e-300], [5, 5]])
    func anyValuesMakeAnAxis(values: [Double]) {
        for scale in [Axis.Scale.linear, .logarithmic, .percentile] {
            let axis = Axis(scale, values)
            for value in values + [0, .infinity, -.infinity] {
                #expect((0...1).contains(axis.share(value)))
            }
            #expect(axis.ticks.count < 60)
        }
    }

    @Test func numbersReadWell() {
        #expect(Numbers.count(1_234_567) == "1,234,567")
        #expect(Numbers.count(-1234) == "-1,234")
        #expect(Numbers.count(.min).hasPrefix("-9,223"))
        #expect(Numbers.plain(1234.5) == "1,234")
        #expect(Numbers.plain(0.0421) == "0.042")
        #expect(Numbers.time(microseconds: 1250) == "1.25 ms")
        #expect(Numbers.time(microseconds: 3e6) == "3 s")
        #expect(Numbers.bytes(1_500_000) == "1.5 MB")
        #expect(Numbers.short(200) == "200")
        #expect(Numbers.change(1.123) == "+12.3 %")
        #expect(Numbers.plain(.nan) == "–")
        #expect(Markup.number(.infinity) == "0")
        #expect(Markup.number(12.34) == "12.3")
    }
}
