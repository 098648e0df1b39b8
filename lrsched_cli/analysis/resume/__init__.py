"""Does a resumed run continue exactly?"""
