"""The live feeds (WebSocket): one hub per web process reads what is new once, and fans it out."""
