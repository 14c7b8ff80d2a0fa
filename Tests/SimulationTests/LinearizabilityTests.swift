import Simulation
import Testing

@Suite struct LinearizabilityTests {}
