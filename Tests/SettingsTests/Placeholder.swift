// Filled by the tests of this suite.
