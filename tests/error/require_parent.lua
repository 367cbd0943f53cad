require "../unit/x"
