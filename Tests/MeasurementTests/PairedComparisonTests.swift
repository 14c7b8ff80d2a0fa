import Measurement
import Testing

@Suite struct PairedComparisonTests {
    @Test func quartilesAndTheSignTest() {
        let paired = PairedComparison(ratios: [1.1, 1.2, 0.9, 1.3, 1.4])
        #expect(paired.median == 1.2)
        #expect(paired.lowerQuartile == 1.1 && paired.upperQuartile == 1.3)
        // One of five below: 2 · (1 + 5) / 32.
        #expect(abs(paired.pValue - 0.375) < 1e-9)
        #expect(paired.confidence == nil)
        #expect(paired.verdict == .undecided)
    }

    @Test func sixOfSixAreEnough() {
        let ratios = [1.1, 1.2, 1.05, 1.3, 1.4, 1.15]
        let paired = PairedComparison(ratios: ratios)
        #expect(abs(paired.pValue - 0.03125) < 1e-9)
        #expect(paired.confidence == 1.05...1.4)
        #expect(paired.verdict == .better)
        #expect(PairedComparison(ratios: ratios, higherIsBetter: false).verdict == .worse)
        #expect(PairedComparison(ratios: ratios.map { 1 / $0 }).verdict == .worse)
    }

    @Test func tieRoundsCountForNeither() {
        let paired = PairedComparison(ratios: [1, 1, 1, 1, 1, 1, 1, 1.2])
        #expect(paired.pValue == 1)
        #expect(paired.verdict == .withinNoise)
        #expect(PairedComparison(ratios: Array(repeating: 1, count: 20)).verdict == .withinNoise)
    }

    @Test func aSteadyTrifleIsNoise() {
        #expect(
            PairedComparison(ratios: Array(repeating: 1.005, count: 30)).verdict == .withinNoise)
    }

    @Test func whatIsNoRatioIsLeftOut() {
        let paired = PairedComparison(ratios: [.nan, .infinity, -1, 0])
        #expect(paired.ratios.isEmpty)
        #expect(paired.median == 1 && paired.pValue == 1 && paired.verdict == .undecided)
    }

    @Test func knownIntervalsOfTheMedian() {
        // The tables of order statistics: the 6th and 15th of twenty, the 2nd and 9th of ten.
        #expect(PairedComparison(ratios: (1...20).map(Double.init)).confidence == 6...15)
        #expect(PairedComparison(ratios: (1...10).map(Double.init)).confidence == 2...9)
    }

    @Test func chanceAloneIsSeldomCalledAChange() {
        var draws = SeededDraws(seed: 11)
        let verdicts = (0..<1000).map { _ in
            PairedComparison(
                ratios: (0..<15).map { _ in 1 + 0.1 * (Double(draws.next() >> 11) / 0x1p53 - 0.5) }
            ).verdict
        }
        #expect(verdicts.count { $0 == .withinNoise } >= 930)
    }

    @Test func manyRoundsDoNotOverflow() {
        let paired = PairedComparison(ratios: (0..<5000).map { $0 % 2 == 0 ? 0.99 : 1.02 })
        #expect(paired.pValue > 0.9 && paired.pValue <= 1)
        #expect(paired.confidence != nil)
    }
}
