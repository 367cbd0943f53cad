require "not.there"
