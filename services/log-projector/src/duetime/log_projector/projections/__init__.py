"""What each event makes of each read model. Pure: an event in, a document out."""
