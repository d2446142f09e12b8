"""What the data sheets of convolutions say, carried out."""
