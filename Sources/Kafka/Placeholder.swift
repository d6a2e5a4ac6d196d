// Filled by this module.
