require "io"
