"""SEG-Y and Seismic Unix: traces with every header they came with."""
